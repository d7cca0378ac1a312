use crate::Cost;

/// The state of a fixed window: when it began, and what has been used in it.
///
/// Windows are aligned to the epoch. All times are milliseconds, all counts milli.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: u64,
    pub(crate) used: u64,
}

impl Window {
    /// The window that holds `now`, or the stored one if that is later: time never runs
    /// backwards for a key.
    pub(super) fn at(stored: Option<Self>, period: u64, now: u64) -> Self {
        let start = aligned(now, period);
        match stored {
            Some(stored) if stored.start >= start => stored,
            _ => Self { start, used: 0 },
        }
    }

    /// The window with `cost` taken, if the capacity allows it.
    pub(super) fn admit(self, capacity: Cost, cost: Cost) -> Option<Self> {
        // `used` may be above the capacity: after a debt, or where the limit was lowered.
        let free = capacity.as_milli().saturating_sub(self.used);
        (cost.as_milli() <= free).then(|| self.charge(cost))
    }

    pub(super) fn charge(self, cost: Cost) -> Self {
        let used = self.used.saturating_add(cost.as_milli());
        Self {
            used: used.min(Cost::MAX.as_milli()),
            ..self
        }
    }

    /// The window with `cost` given back, unless that was charged in another window.
    pub(super) fn refund(self, cost: Cost, charged_at: u64, period: u64) -> Self {
        if aligned(charged_at, period) != self.start {
            return self;
        }
        Self {
            used: self.used.saturating_sub(cost.as_milli()),
            ..self
        }
    }

    pub(super) fn remaining(self, capacity: Cost) -> u64 {
        capacity.as_milli().saturating_sub(self.used)
    }

    /// When nothing is left of the window.
    pub(super) fn end(self, period: u64) -> u64 {
        self.start.saturating_add(period)
    }
}

/// The start of the window that holds `time`.
fn aligned(time: u64, period: u64) -> u64 {
    // A period is never 0.
    time.saturating_sub(time.checked_rem(period).unwrap_or(0))
}
