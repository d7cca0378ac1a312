/// The state of a fixed window: when it began, and what has been used in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FixedWindow {
    pub(super) start: u128,
    pub(super) used: u128,
}

impl FixedWindow {
    /// The window that holds `now`, or the stored one where that is later.
    pub(super) fn at(stored: Option<Self>, now: u128, period: u128) -> Self {
        let start = now - now % period;
        match stored {
            Some(stored) if stored.start >= start => stored,
            _ => Self { start, used: 0 },
        }
    }

    /// What is in use at a time, if nothing else happens until then.
    pub(super) fn used_at(self, time: u128, period: u128) -> u128 {
        if time < self.start + period {
            self.used
        } else {
            0
        }
    }

    pub(super) fn give_back(self, cost: u128, charged_at: u128, period: u128) -> Self {
        if charged_at - charged_at % period != self.start {
            return self;
        }
        Self {
            used: self.used.saturating_sub(cost),
            ..self
        }
    }
}
