use super::arithmetic::{ceil_div, div_rem, narrow, product};
use super::packed::{Count, Period, Time};
use super::{Model, bounded_count, bounded_time};
use crate::store::format::LONGEST_DRAIN;
use crate::{Algorithm, Cost, Limit};

/// A token bucket, kept as a meter that leaks (GCRA): the tokens that are missing,
/// `whole + part / period`, exactly, at the time `at`.
///
/// The generic cell rate algorithm is that of ITU-T I.371, where the meter is its continuous-state
/// leaky bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    whole: u64,
    /// Less than the period.
    part: u64,
    at: u64,
    /// How long after `at` nothing is missing, under the limit that wrote the state.
    drain: u64,
}

impl Model for TokenBucket {
    const ALGORITHM: Algorithm = Algorithm::TokenBucket;
    const TAG: u8 = 3;
    const NAME: &'static str = "token-bucket";
    const HAS_BURST: bool = true;

    type Kept = (Time, Count, Period, Count);

    #[inline]
    fn keep(self) -> Self::Kept {
        (
            Time::new(self.at),
            Count::new(self.whole),
            Period::new(self.part),
            Count::new(self.drain),
        )
    }

    #[inline]
    fn recall((at, whole, part, drain): &Self::Kept) -> Self {
        Self {
            whole: whole.get(),
            part: part.get(),
            at: at.get(),
            drain: drain.get(),
        }
    }

    /// The burst; nothing at a rate of 0.
    #[inline]
    fn capacity(limit: &Limit) -> u64 {
        match has_rate(limit) {
            true => Cost::requests(limit.burst().unwrap_or(0).into()).as_milli(),
            false => 0,
        }
    }

    #[inline]
    fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self {
        // Without a rate there is no bucket: what is stored waits for the day when the rate comes
        // back.
        let Some(stored) = stored.filter(|_| has_rate(limit)) else {
            return Self {
                whole: 0,
                part: 0,
                at: now,
                drain: 0,
            };
        };
        let period = limit.rate().period_millis();
        // A lowered rate must not make an old level last for ever.
        let most = most_missing(limit);
        let level = stored.level(period).min(product(most, period));
        let at = now.max(stored.at);
        let leaked = product(at.saturating_sub(stored.at), limit.rate().milli());
        let (whole, part) = div_rem(level.saturating_sub(leaked), period);
        Self {
            whole: narrow(whole),
            part: narrow(part),
            at,
            drain: stored.drain,
        }
    }

    #[inline]
    fn date(&self) -> u64 {
        self.at
    }

    /// Rounded up.
    #[inline]
    fn used(&self, _: &Limit, _: u64) -> u64 {
        self.whole.saturating_add(u64::from(self.part > 0))
    }

    fn passes_at(&self, limit: &Limit, cost: u64) -> u64 {
        let period = limit.rate().period_millis();
        let free = Self::capacity(limit).saturating_sub(cost);
        let excess = self.level(period).saturating_sub(product(free, period));
        self.after_leak_of(excess, limit)
    }

    #[inline]
    fn charge(&mut self, limit: &Limit, cost: u64) -> bool {
        if !has_rate(limit) {
            return false;
        }
        let before = (self.whole, self.part);
        let most = most_missing(limit);
        self.whole = self.whole.saturating_add(cost);
        if self.whole >= most {
            // Also where the level is there already and a part above it is cut.
            (self.whole, self.part) = (most, 0);
        }
        (self.whole, self.part) != before
    }

    fn refund(&mut self, _: &Limit, cost: u64, _: u64) -> bool {
        let before = (self.whole, self.part);
        match self.whole.checked_sub(cost) {
            Some(whole) => self.whole = whole,
            None => (self.whole, self.part) = (0, 0),
        }
        (self.whole, self.part) != before
    }

    #[inline]
    fn resets_at(&mut self, limit: &Limit) -> u64 {
        let level = self.level(limit.rate().period_millis());
        let resets_at = self.after_leak_of(level, limit);
        self.drain = resets_at.saturating_sub(self.at);
        resets_at
    }

    #[inline]
    fn dead_at(&self, _: u64) -> u64 {
        self.at.saturating_add(self.drain)
    }

    fn encode(&self, buffer: &mut Vec<u8>) {
        let (at, whole, part, drain) = self.keep();
        at.write_to(buffer);
        whole.write_to(buffer);
        part.write_to(buffer);
        drain.write_to(buffer);
    }

    fn decode(bytes: &mut &[u8], period: u64) -> Option<Self> {
        Some(Self {
            at: bounded_time(bytes)?,
            whole: bounded_count(bytes)?,
            part: Some(Period::take(bytes)?.get()).filter(|part| *part < period)?,
            drain: Some(Count::take(bytes)?.get()).filter(|drain| *drain <= LONGEST_DRAIN)?,
        })
    }
}

impl TokenBucket {
    /// The level in units of `1 / period` milli.
    #[inline]
    fn level(self, period: u64) -> u128 {
        product(self.whole, period).saturating_add(u128::from(self.part))
    }

    /// The time at which `amount`, in units of `1 / period` milli, has leaked.
    #[inline]
    fn after_leak_of(self, amount: u128, limit: &Limit) -> u64 {
        let time = narrow(ceil_div(amount, limit.rate().milli()));
        self.at.saturating_add(time)
    }
}

#[inline]
fn has_rate(limit: &Limit) -> bool {
    limit.rate().requests() > 0
}

/// The most that can be missing: what drains in a hundred years, if that is less than the
/// greatest cost.
#[inline]
fn most_missing(limit: &Limit) -> u64 {
    let period = limit.rate().period_millis();
    let drains = product(limit.rate().milli(), LONGEST_DRAIN);
    // Without a division for rates that are not low: this one would be of two words.
    if drains >= product(Cost::MAX.as_milli(), period) {
        return Cost::MAX.as_milli();
    }
    narrow(div_rem(drains, period).0)
}
