use super::{MOST_USED, number, period};
use fastlimit_core::Limit;

/// No level takes longer to drain: 36,525 days.
const LONGEST_DRAIN: u128 = 36_525 * 86_400_000;

/// The state of a token bucket, as what is in use: a level that drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenBucket {
    pub(super) at: u128,
    /// In units of one milli divided by the period, so that every millisecond drains as many as
    /// the limit has milli per period, exactly.
    pub(super) level: u128,
}

impl TokenBucket {
    /// The bucket at `now`, or at its own time where that is later. Under a limit of 0 it has no
    /// time of its own and holds nothing.
    pub(super) fn at(stored: Option<Self>, now: u128, limit: &Limit) -> Self {
        match stored {
            Some(stored) if number(limit) > 0 => {
                let at = stored.at.max(now);
                let read = Self {
                    at: stored.at,
                    level: stored.level.min(most(limit)),
                };
                Self {
                    at,
                    level: read.level_at(at, limit),
                }
            }
            _ => Self { at: now, level: 0 },
        }
    }

    /// What is in use at a time not before `at`, if nothing else happens until then, rounded up.
    pub(super) fn used_at(self, time: u128, limit: &Limit) -> u128 {
        self.level_at(time, limit).div_ceil(period(limit))
    }

    fn level_at(self, time: u128, limit: &Limit) -> u128 {
        self.level.saturating_sub((time - self.at) * number(limit))
    }

    pub(super) fn take(self, cost: u128, limit: &Limit) -> Self {
        if number(limit) == 0 {
            return self;
        }
        Self {
            level: (self.level + cost * period(limit)).min(most(limit)),
            ..self
        }
    }

    pub(super) fn give_back(self, cost: u128, limit: &Limit) -> Self {
        Self {
            level: self.level.saturating_sub(cost * period(limit)),
            ..self
        }
    }
}

/// The highest level under a limit: whole milli that drain in time.
fn most(limit: &Limit) -> u128 {
    let drains = number(limit) * LONGEST_DRAIN / period(limit);
    drains.min(MOST_USED) * period(limit)
}
