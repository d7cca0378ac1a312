use std::time::Duration;

use super::outcome::{Verdict, Wait};
use crate::Cost;
use crate::few::Few;

/// What comes with a verdict.
pub(crate) trait Judged {
    fn verdict(&self) -> &Verdict;
}

/// What several limits say together: an [`Outcome`](crate::Outcome) documents each.
impl<T: Judged> Few<T> {
    #[inline(always)]
    pub(crate) fn is_allowed(&self) -> bool {
        self.fold(true, |all, item| all & item.verdict().is_allowed())
    }

    #[inline]
    pub(crate) fn remaining(&self) -> Cost {
        let least = self.fold(None, |least: Option<Cost>, item| {
            let remaining = item.verdict().remaining();
            Some(least.map_or(remaining, |least| least.min(remaining)))
        });
        least.unwrap_or(Cost::ZERO)
    }

    #[inline]
    pub(crate) fn reset_after(&self) -> Duration {
        self.fold(Duration::ZERO, |longest, item| {
            longest.max(item.verdict().reset_after())
        })
    }

    /// The longest wait of those that deny.
    #[inline]
    pub(crate) fn wait(&self) -> Wait {
        let longest = self.fold(None, |longest, item| match item.verdict().wait() {
            wait if wait.is_none() => longest,
            wait => longest.max(Some(wait)),
        });
        longest.unwrap_or(Wait::NONE)
    }

    /// The index of what binds, with its verdict.
    #[inline]
    pub(crate) fn binding(&self) -> Option<(usize, &T)> {
        let (binding, _) = self.fold((None, 0_usize), |(binding, index), item| {
            let next = match binding {
                Some((_, other)) if !binds_before(item, other) => binding,
                _ => Some((index, item)),
            };
            (next, index.wrapping_add(1))
        });
        binding
    }
}

/// Tells whether a client has to mind one limit rather than another: a denial before what allows,
/// the longer wait of two denials, else the less that remains.
fn binds_before(one: &impl Judged, other: &impl Judged) -> bool {
    let (one, other) = (one.verdict(), other.verdict());
    match (one.is_allowed(), other.is_allowed()) {
        (true, true) => one.remaining() < other.remaining(),
        (false, false) => one.wait() > other.wait(),
        (_, is_allowed) => is_allowed,
    }
}
