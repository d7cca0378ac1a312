use std::fmt;

use crate::Violation;

/// What a law answers: how far it could be tried, or how it is violated.
pub type LawResult = Result<Tested, Violation>;

/// How far a law could be tried; in that, the store holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tested {
    /// All of it.
    InFull,
    /// A weaker form of it, because the [`Fixture`](crate::Fixture) lacks something.
    InPart {
        /// What was left out, and what it takes.
        missing: &'static str,
    },
    /// Nothing of it.
    NotTested {
        /// Why.
        why: &'static str,
    },
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFull => f.write_str("holds"),
            Self::InPart { missing } => write!(f, "holds in part: {missing}"),
            Self::NotTested { why } => write!(f, "not tested: {why}"),
        }
    }
}
