use super::{ceil_div, floor_div, narrow, product, remainder};
use crate::{Cost, Limit};

/// The longest time in which a level may take to drain, 36,525 days.
pub(crate) const LONGEST_DRAIN_MILLIS: u64 = 3_155_760_000_000;

/// The state of a token bucket, kept as a meter that leaks (GCRA): the tokens that are missing,
/// `whole + part / period`, exactly, at the time `at`.
///
/// The generic cell rate algorithm is that of ITU-T I.371, where the meter is its continuous-state
/// leaky bucket. All times are milliseconds, all counts milli.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenBucket {
    pub(crate) whole: u64,
    /// Less than the period.
    pub(crate) part: u64,
    pub(crate) at: u64,
}

impl TokenBucket {
    /// The bucket at `now`, or at its own time if that is later.
    pub(super) fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self {
        let Some(stored) = stored else {
            return Self::from_level(0, limit, now);
        };
        let period = limit.rate().period_millis();
        // A lowered rate must not make an old level last for ever.
        let most = most_missing(limit);
        let level = stored.level(period).min(product(most, period));
        let at = now.max(stored.at);
        let leaked = product(at.saturating_sub(stored.at), per_period(limit));
        Self::from_level(level.saturating_sub(leaked), limit, at)
    }

    /// What is missing, rounded up.
    pub(super) fn used(self) -> u64 {
        self.whole.saturating_add(u64::from(self.part > 0))
    }

    /// The first time at which `cost`, which is no more than the capacity, passes.
    pub(super) fn passes_at(self, limit: &Limit, cost: Cost) -> u64 {
        let period = limit.rate().period_millis();
        let free = limit.capacity().as_milli().saturating_sub(cost.as_milli());
        let excess = self.level(period).saturating_sub(product(free, period));
        self.after_leak_of(excess, limit)
    }

    pub(super) fn charge(self, limit: &Limit, cost: Cost) -> Self {
        let whole = self.whole.saturating_add(cost.as_milli());
        let most = most_missing(limit);
        if whole >= most {
            // Also where the level is there already and a part above it is cut.
            return Self {
                whole: most,
                part: 0,
                ..self
            };
        }
        Self { whole, ..self }
    }

    pub(super) fn refund(self, cost: Cost) -> Self {
        match self.whole.checked_sub(cost.as_milli()) {
            Some(whole) => Self { whole, ..self },
            None => Self {
                whole: 0,
                part: 0,
                ..self
            },
        }
    }

    /// When nothing is missing.
    pub(super) fn end(self, limit: &Limit) -> u64 {
        self.after_leak_of(self.level(limit.rate().period_millis()), limit)
    }

    /// The level in units of `1 / period` milli.
    fn level(self, period: u64) -> u128 {
        product(self.whole, period).saturating_add(u128::from(self.part))
    }

    fn from_level(level: u128, limit: &Limit, at: u64) -> Self {
        let period = limit.rate().period_millis();
        Self {
            whole: narrow(floor_div(level, period)),
            part: narrow(remainder(level, period)),
            at,
        }
    }

    /// The time at which `amount`, in units of `1 / period` milli, has leaked.
    fn after_leak_of(self, amount: u128, limit: &Limit) -> u64 {
        self.at
            .saturating_add(narrow(ceil_div(amount, per_period(limit))))
    }
}

/// What leaks in one period.
fn per_period(limit: &Limit) -> u64 {
    Cost::requests(u64::from(limit.rate().requests())).as_milli()
}

/// The most that can be missing: what drains in a hundred years, if that is less than the
/// greatest cost.
fn most_missing(limit: &Limit) -> u64 {
    let period = limit.rate().period_millis();
    let drains = product(per_period(limit), LONGEST_DRAIN_MILLIS);
    // Without a division for rates that are not low: this one would be of two words.
    if drains >= product(Cost::MAX.as_milli(), period) {
        return Cost::MAX.as_milli();
    }
    narrow(floor_div(drains, period))
}
