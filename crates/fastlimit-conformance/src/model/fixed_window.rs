use super::MOST_USED;

/// The state of a fixed window: when it began, and what has been used in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FixedWindow {
    pub(super) start: u128,
    pub(super) used: u128,
}

impl FixedWindow {
    /// The window that holds `now`, or the stored one where that is later.
    pub(super) fn at(stored: Option<Self>, now: u128, period: u128) -> Self {
        let aligned = now - now % period;
        match stored {
            None => Self {
                start: aligned,
                used: 0,
            },
            Some(stored) => {
                let start = stored.start.max(aligned);
                let used = if start == stored.start {
                    stored.used
                } else {
                    0
                };
                Self { start, used }
            }
        }
    }

    pub(super) fn take(self, cost: u128) -> Self {
        Self {
            used: (self.used + cost).min(MOST_USED),
            ..self
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
