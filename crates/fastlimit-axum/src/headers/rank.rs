use std::cmp::Reverse;
use std::time::Duration;

use fastlimit_core::{Cost, Decision};

/// How strict a decision is, the stricter first: a client that minds it minds the others as well.
/// It is the order of [`Decision::binding`], so that body and headers name the same limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// By the wait, the longest first; what remains plays no part.
    Denied(Reverse<Duration>),
    /// By what remains, and then by the wait of the next request, the longest first.
    Allowed(Cost, Reverse<Duration>),
}

impl Rank {
    #[inline]
    pub(crate) fn of(decision: &Decision) -> Self {
        let binding = decision.binding();
        // Longer than any wait is one that never ends.
        let wait = Reverse(binding.next_after().unwrap_or(Duration::MAX));
        match binding.is_allowed() {
            true => Self::Allowed(binding.remaining_cost(), wait),
            // Where it denies, that is the wait of this request.
            false => Self::Denied(wait),
        }
    }
}
