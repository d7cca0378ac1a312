/// The state of a sliding window: what was used in the window that begins at `start` and in the
/// one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SlidingWindow {
    pub(super) start: u128,
    pub(super) current: u128,
    pub(super) previous: u128,
}

impl SlidingWindow {
    /// The window that holds `now`, or the stored one where that is later.
    pub(super) fn at(stored: Option<Self>, now: u128, period: u128) -> Self {
        let start = now - now % period;
        match stored {
            Some(stored) if stored.start >= start => stored,
            Some(stored) if stored.start + period == start => Self {
                start,
                current: 0,
                previous: stored.current,
            },
            _ => Self {
                start,
                current: 0,
                previous: 0,
            },
        }
    }

    /// What is in use at a time not before `start`, if nothing else happens until then: of each
    /// window the part that the last `period` overlaps, rounded up.
    pub(super) fn used_at(self, time: u128, period: u128) -> u128 {
        let since = time - self.start;
        // The window before this one ends at `start`; this one a period later, whole till then.
        let overlap = |end: u128| (end + period).saturating_sub(since).min(period);
        let of_current = self.current * overlap(period);
        let of_previous = self.previous * overlap(0);
        (of_current + of_previous).div_ceil(period)
    }

    pub(super) fn give_back(self, cost: u128, charged_at: u128, period: u128) -> Self {
        let charged = charged_at - charged_at % period;
        if charged == self.start {
            Self {
                current: self.current.saturating_sub(cost),
                ..self
            }
        } else if charged + period == self.start {
            Self {
                previous: self.previous.saturating_sub(cost),
                ..self
            }
        } else {
            self
        }
    }
}
