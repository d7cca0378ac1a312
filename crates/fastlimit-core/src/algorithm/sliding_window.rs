use super::{ceil_div, floor_div, narrow, product, window_start};
use crate::{Cost, Limit};

/// The state of a sliding window: what has been used in the aligned window that holds the
/// present, and in the one before it, of which as much counts as the sliding window still
/// covers.
///
/// All times are milliseconds, all counts milli.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlidingWindow {
    /// When the present window began.
    pub(crate) start: u64,
    pub(crate) current: u64,
    pub(crate) previous: u64,
}

impl SlidingWindow {
    /// The windows at `now`, or the stored ones if they are later.
    pub(super) fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self {
        let period = limit.rate().period_millis();
        let start = window_start(now, period);
        let (current, previous) = match stored {
            Some(stored) if stored.start >= start => return stored,
            Some(stored) if stored.start.saturating_add(period) == start => (0, stored.current),
            _ => (0, 0),
        };
        Self {
            start,
            current,
            previous,
        }
    }

    /// What counts as used at `time`, which is in the present window: rounded up, so that
    /// nobody gets a fraction too much.
    pub(super) fn used(self, limit: &Limit, time: u64) -> u64 {
        let period = limit.rate().period_millis();
        let elapsed = time.saturating_sub(self.start);
        let covered = product(self.previous, period.saturating_sub(elapsed));
        let carried = narrow(ceil_div(covered, period));
        self.current.saturating_add(carried)
    }

    /// The first time at which `cost`, which is no more than the capacity, passes.
    pub(super) fn passes_at(self, limit: &Limit, cost: Cost) -> u64 {
        let period = limit.rate().period_millis();
        let free = limit.capacity().as_milli().saturating_sub(cost.as_milli());
        // In this window, as the previous one leaves it; else in the next, as this one does.
        let (start, free, leaving) = match free.checked_sub(self.current) {
            Some(free) => (self.start, free, self.previous),
            None => (self.start.saturating_add(period), free, self.current),
        };
        let early = narrow(floor_div(product(free, period), leaving));
        start.saturating_add(period.saturating_sub(early))
    }

    pub(super) fn charge(self, cost: Cost) -> Self {
        let current = self.current.saturating_add(cost.as_milli());
        Self {
            current: current.min(Cost::MAX.as_milli()),
            ..self
        }
    }

    /// The windows with `cost` given back to the one that it was charged to, if that is one of
    /// the two.
    pub(super) fn refund(self, limit: &Limit, cost: Cost, charged_at: u64) -> Self {
        let period = limit.rate().period_millis();
        let charged = window_start(charged_at, period);
        let mut refunded = self;
        if charged == self.start {
            refunded.current = self.current.saturating_sub(cost.as_milli());
        } else if charged.saturating_add(period) == self.start {
            refunded.previous = self.previous.saturating_sub(cost.as_milli());
        }
        refunded
    }

    /// When nothing counts any more; in the past if nothing does.
    pub(crate) fn end(self, limit: &Limit) -> u64 {
        let period = limit.rate().period_millis();
        let windows = match (self.current, self.previous) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        };
        self.start.saturating_add(period.saturating_mul(windows))
    }
}
