use std::time::Duration;

use fastlimit_core::{LimitStatus, Timestamp};

use super::reset::reset;
use crate::Charged;
use crate::charged::binding;

/// What a family that has room for one limit shows: the strictest of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// What may be in use at once, in requests.
    pub(super) limit: u64,
    /// Whole requests.
    pub(super) remaining: u64,
    /// From `now` on.
    pub(super) reset: Duration,
    pub(super) now: Timestamp,
}

impl Shown {
    /// `None` if there are no charges, which does not happen.
    #[inline]
    pub(super) fn of(charges: &[Charged]) -> Option<Self> {
        let decision = binding(charges)?.decision();
        Some(Self::new(&decision.binding(), decision.now()))
    }

    #[inline]
    fn new(binding: &LimitStatus, now: Timestamp) -> Self {
        Self {
            limit: binding.limit().capacity().whole_requests(),
            remaining: binding.remaining(),
            reset: reset(binding),
            now,
        }
    }
}
