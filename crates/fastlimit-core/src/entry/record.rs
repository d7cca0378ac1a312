use crate::algorithm::{State, View};
use crate::{Cost, Limit};

/// A clock this far ahead of the others was wrong, not early.
const LATEST_DATE_AHEAD: u64 = 60_000;

/// The longest grace for which what is as good as absent is kept.
const LONGEST_GRACE: u64 = 60_000;

/// The state of one limit of a subject, known by algorithm and period: a changed number keeps
/// it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// The limit under which the record was last looked at. Its number and its burst are not a
    /// part of the state; they are 0 as long as no request brought them.
    pub(super) limit: Limit,
    pub(super) state: State,
    /// When the state is as good as absent, under the limit that wrote it; milliseconds.
    pub(super) dead_at: u64,
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.is_of(&other.limit) && self.state == other.state && self.dead_at == other.dead_at
    }
}

impl Eq for Record {}

impl Record {
    /// The record of what a limit's state has become.
    pub(super) fn new(limit: &Limit, view: &View) -> Self {
        Self {
            limit: *limit,
            state: view.state(),
            dead_at: view.dead_at(),
        }
    }

    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        self.limit.shares_state_with(limit)
    }

    pub(super) fn period(&self) -> u64 {
        self.limit.rate().period_millis()
    }

    pub(super) fn is_from_the_future(&self, now: u64) -> bool {
        let latest = now
            .saturating_add(self.period())
            .saturating_add(LATEST_DATE_AHEAD);
        self.state.date() > latest
    }

    pub(super) fn expires_at(&self) -> u64 {
        let grace = self.period().min(LONGEST_GRACE);
        self.dead_at.saturating_add(grace)
    }

    pub(super) fn is_spent(&self, now: u64) -> bool {
        self.remaining(now)
            .is_some_and(|remaining| remaining < Cost::ONE.as_milli())
    }

    pub(super) fn usage_per_mille(&self, now: u64) -> u64 {
        let capacity = self.limit.capacity().as_milli();
        let Some(remaining) = self.remaining(now) else {
            return 0;
        };
        let used = capacity.saturating_sub(remaining);
        // Below 2^41 each, so the product is below 2^51.
        used.saturating_mul(1_000)
            .checked_div(capacity)
            .unwrap_or(0)
    }

    /// What is left at `now`; `None` where nothing ever is, or no number was seen.
    fn remaining(&self, now: u64) -> Option<u64> {
        if self.limit.capacity().is_zero() {
            return None;
        }
        let stored = (!self.is_from_the_future(now)).then_some(self.state);
        Some(View::new(&self.limit, stored, now).remaining())
    }
}
