use super::window_start;
use crate::{Cost, Limit};

/// The state of a fixed window: when it began, and what has been used in it.
///
/// Windows are aligned to the epoch. All times are milliseconds, all counts milli.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FixedWindow {
    pub(crate) start: u64,
    pub(crate) used: u64,
}

impl FixedWindow {
    /// The window that holds `now`, or the stored one if that is later: time never runs
    /// backwards for a key.
    #[inline]
    pub(crate) fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self {
        let period = limit.rate().period_millis();
        // Most requests come in the window that is stored, so most need no division.
        match stored {
            Some(stored) if stored.start.saturating_add(period) > now => stored,
            _ => Self {
                start: window_start(now, period),
                used: 0,
            },
        }
    }

    #[inline]
    pub(crate) fn charge(self, cost: Cost) -> Self {
        let used = self.used.saturating_add(cost.as_milli());
        Self {
            used: used.min(Cost::MAX.as_milli()),
            ..self
        }
    }

    /// The window with `cost` given back, unless that was charged in another window.
    pub(super) fn refund(self, limit: &Limit, cost: Cost, charged_at: u64) -> Self {
        if window_start(charged_at, limit.rate().period_millis()) != self.start {
            return self;
        }
        Self {
            used: self.used.saturating_sub(cost.as_milli()),
            ..self
        }
    }

    /// When nothing is left of the window: then it is as good as new, and any cost passes that
    /// ever does.
    #[inline]
    pub(crate) fn end(self, limit: &Limit) -> u64 {
        self.start.saturating_add(limit.rate().period_millis())
    }
}
