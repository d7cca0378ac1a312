use crate::algorithm::State;
use crate::{Cost, Limit};

/// A clock this far ahead of the others was wrong, not early.
const LATEST_DATE_AHEAD: u64 = 60_000;

/// The longest grace for which what is as good as absent is kept.
const LONGEST_GRACE: u64 = 60_000;

/// The state of one limit of a subject, known by algorithm and period: a changed number keeps
/// it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// Milliseconds.
    pub(super) period: u64,
    /// The capacity under which the record was last looked at: not a part of the state.
    pub(super) capacity: Cost,
    pub(super) state: State,
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.period == other.period && self.state == other.state
    }
}

impl Eq for Record {}

impl Record {
    pub(super) fn new(limit: &Limit, state: State) -> Self {
        Self {
            period: limit.rate().period_millis(),
            capacity: limit.capacity(),
            state,
        }
    }

    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        self.period == limit.rate().period_millis() && self.state.algorithm() == limit.algorithm()
    }

    pub(super) fn is_from_the_future(&self, now: u64) -> bool {
        let latest = now
            .saturating_add(self.period)
            .saturating_add(LATEST_DATE_AHEAD);
        self.state.date() > latest
    }

    pub(super) fn expires_at(&self) -> u64 {
        let grace = self.period.min(LONGEST_GRACE);
        self.state.dead_at(self.period).saturating_add(grace)
    }

    pub(super) fn is_spent(&self, now: u64) -> bool {
        self.remaining(now)
            .is_some_and(|remaining| remaining < Cost::ONE.as_milli())
    }

    pub(super) fn usage_per_mille(&self, now: u64) -> u64 {
        let capacity = self.capacity.as_milli();
        let Some(remaining) = self.remaining(now) else {
            return 0;
        };
        let used = capacity.saturating_sub(remaining);
        // Below 2^41 each, so the product is below 2^51.
        used.saturating_mul(1_000)
            .checked_div(capacity)
            .unwrap_or(0)
    }

    /// What is left at `now`; `None` where no capacity was seen, so nothing can be said.
    fn remaining(&self, now: u64) -> Option<u64> {
        if self.is_from_the_future(now) || self.capacity.is_zero() {
            return None;
        }
        let State::FixedWindow(window) = self.state;
        if window.start.saturating_add(self.period) <= now {
            return None;
        }
        Some(self.capacity.as_milli().saturating_sub(window.used))
    }
}
