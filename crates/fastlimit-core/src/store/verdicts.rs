use std::ops::Deref;

use crate::Verdict;

/// The verdicts of one outcome. Up to three are kept in place: few policies have more limits, and
/// a check of those allocates nothing.
#[derive(Clone, Debug)]
pub(super) enum Verdicts {
    One([Verdict; 1]),
    Two([Verdict; 2]),
    Three([Verdict; 3]),
    Others(Box<[Verdict]>),
}

impl FromIterator<Verdict> for Verdicts {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut rest = verdicts.into_iter();
        let Some(first) = rest.next() else {
            return Self::Others(Box::default());
        };
        let Some(second) = rest.next() else {
            return Self::One([first]);
        };
        let Some(third) = rest.next() else {
            return Self::Two([first, second]);
        };
        let Some(fourth) = rest.next() else {
            return Self::Three([first, second, third]);
        };
        let all = [first, second, third, fourth].into_iter().chain(rest);
        Self::Others(all.collect())
    }
}

impl Deref for Verdicts {
    type Target = [Verdict];

    #[inline]
    fn deref(&self) -> &[Verdict] {
        match self {
            Self::One(verdicts) => verdicts,
            Self::Two(verdicts) => verdicts,
            Self::Three(verdicts) => verdicts,
            Self::Others(verdicts) => verdicts,
        }
    }
}

impl PartialEq for Verdicts {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Verdicts {}
