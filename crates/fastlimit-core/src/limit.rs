use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use crate::algorithm::token_bucket::LONGEST_DRAIN_MILLIS;
use crate::grammar::{ParseError, Parser};
use crate::{Algorithm, Cost, Rate};

/// A [`Rate`], the [`Algorithm`] that counts it, and for a token bucket its burst.
///
/// As a text it is `<rate> [burst <n>] [fixed-window|sliding-window|token-bucket]`. A text that
/// names no algorithm means the fixed window; only a token bucket has a burst, and without one
/// its burst is the number of its rate.
///
/// ```
/// use fastlimit_core::{Algorithm, Cost, Limit, Rate};
///
/// let limit: Limit = "100/minute burst 20 token-bucket".parse()?;
/// assert_eq!(limit, Limit::token_bucket(Rate::per_minute(100)?, 20)?);
/// assert_eq!(limit.capacity(), Cost::requests(20));
///
/// let limit: Limit = "100/minute".parse()?;
/// assert_eq!(limit, Limit::new(Rate::per_minute(100)?, Algorithm::FixedWindow));
/// assert_eq!(limit.capacity(), Cost::requests(100));
///
/// assert!("100/minute burst 20".parse::<Limit>().is_err());
/// # Ok::<(), fastlimit_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    counter: Counter,
    requests: u32,
    /// What a token bucket holds, in requests; 0 for other algorithms.
    burst: u32,
}

/// What tells apart the state of one limit from that of another: the period in milliseconds, and
/// in the lowest byte the algorithm. One word, which is compared and copied with every check; not 0,
/// so that a place for one may hold something else instead.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Counter(NonZeroU64);

impl Counter {
    /// A period is at most 366 days, which leaves a byte.
    #[inline]
    pub(crate) const fn new(algorithm: Algorithm, period_millis: u64) -> Self {
        let algorithm = match algorithm {
            Algorithm::FixedWindow => 1,
            Algorithm::SlidingWindow => 2,
            Algorithm::TokenBucket => 3,
        };
        match NonZeroU64::new(period_millis << 8 | algorithm) {
            Some(counter) => Self(counter),
            None => Self(NonZeroU64::MIN),
        }
    }

    #[inline]
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self.0.get() & 0xFF {
            1 => Algorithm::FixedWindow,
            2 => Algorithm::SlidingWindow,
            _ => Algorithm::TokenBucket,
        }
    }

    #[inline]
    pub(crate) const fn period_millis(self) -> u64 {
        self.0.get() >> 8
    }
}

/// Why a [`Limit`] could not be built.
///
/// ```
/// use fastlimit_core::{InvalidLimit, Limit, Rate};
///
/// let error = Limit::token_bucket(Rate::per_hour(1)?, 1_000_000).unwrap_err();
/// assert_eq!(error, InvalidLimit::Drain);
/// assert_eq!(error.to_string(), "a burst drains within 100 years (36525 days) at its rate");
/// # Ok::<(), fastlimit_core::InvalidRate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimit {
    /// The burst is 0 or above [`Limit::MAX_BURST`].
    #[error("a burst is from 1 to 1000000000 requests")]
    Burst,
    /// The burst would take more than 36,525 days to drain at its rate.
    #[error("a burst drains within 100 years (36525 days) at its rate")]
    Drain,
}

impl Limit {
    /// The greatest burst, 1,000,000,000 requests.
    pub const MAX_BURST: u32 = 1_000_000_000;

    /// Creates a limit; the burst of a token bucket is the number of its rate.
    ///
    /// ```
    /// use fastlimit_core::{Algorithm, Limit, Rate};
    ///
    /// let limit = Limit::new(Rate::per_second(10)?, Algorithm::TokenBucket);
    /// assert_eq!(limit.burst(), Some(10));
    /// # Ok::<(), fastlimit_core::InvalidRate>(())
    /// ```
    #[must_use]
    pub const fn new(rate: Rate, algorithm: Algorithm) -> Self {
        let burst = match algorithm {
            Algorithm::TokenBucket => rate.requests(),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => 0,
        };
        Self::of_valid(rate, algorithm, burst)
    }

    /// Creates a token bucket of `burst` requests that refills at `rate`. At a rate of 0
    /// everything that costs something is denied, whatever the burst.
    ///
    /// # Errors
    ///
    /// [`InvalidLimit`] if the burst is 0, above [`Limit::MAX_BURST`], or would take more than
    /// 36,525 days to drain.
    ///
    /// ```
    /// use fastlimit_core::{Limit, Rate};
    ///
    /// let limit = Limit::token_bucket(Rate::per_minute(100)?, 20)?;
    /// assert_eq!(limit.to_string(), "100/minute burst 20 token-bucket");
    /// # Ok::<(), fastlimit_core::Error>(())
    /// ```
    pub fn token_bucket(rate: Rate, burst: u32) -> Result<Self, InvalidLimit> {
        if burst == 0 || burst > Self::MAX_BURST {
            return Err(InvalidLimit::Burst);
        }
        let to_drain = u128::from(burst).saturating_mul(u128::from(rate.period_millis()));
        let drains = u128::from(rate.requests()).saturating_mul(u128::from(LONGEST_DRAIN_MILLIS));
        if rate.requests() > 0 && to_drain > drains {
            return Err(InvalidLimit::Drain);
        }
        Ok(Self::of_valid(rate, Algorithm::TokenBucket, burst))
    }

    /// Returns the rate.
    ///
    /// ```
    /// # use fastlimit_core::Limit;
    /// assert_eq!("5/30s".parse::<Limit>()?.rate(), "5/30s".parse()?);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub const fn rate(&self) -> Rate {
        Rate::of_valid(self.requests, self.counter.period_millis())
    }

    /// Returns the algorithm.
    ///
    /// ```
    /// # use fastlimit_core::{Algorithm, Limit};
    /// assert_eq!("5/30s".parse::<Limit>()?.algorithm(), Algorithm::FixedWindow);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.counter.algorithm()
    }

    /// Returns what a token bucket holds, in requests; `None` for other algorithms.
    ///
    /// ```
    /// # use fastlimit_core::Limit;
    /// assert_eq!("5/30s burst 9 token-bucket".parse::<Limit>()?.burst(), Some(9));
    /// assert_eq!("5/30s".parse::<Limit>()?.burst(), None);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn burst(&self) -> Option<u32> {
        (self.algorithm() == Algorithm::TokenBucket).then_some(self.burst)
    }

    /// Returns the most that can be in use at once: the burst of a token bucket, the number of
    /// the rate otherwise; nothing at a rate of 0.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Limit};
    /// assert_eq!("5/30s".parse::<Limit>()?.capacity(), Cost::requests(5));
    /// assert_eq!("0/30s burst 9 token-bucket".parse::<Limit>()?.capacity(), Cost::ZERO);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> Cost {
        let requests = match self.algorithm() {
            Algorithm::TokenBucket if self.requests > 0 => self.burst,
            _ => self.requests,
        };
        Cost::of_capacity(requests)
    }

    /// The limit of parts that were taken from a limit.
    pub(crate) const fn of_valid(rate: Rate, algorithm: Algorithm, burst: u32) -> Self {
        Self {
            counter: Counter::new(algorithm, rate.period_millis()),
            requests: rate.requests(),
            burst,
        }
    }

    /// Stands in where there is no limit, which does not happen: limits are never empty.
    pub(crate) const NOTHING: Self = Self::new(Rate::NOTHING, Algorithm::FixedWindow);

    /// Tells whether the two limits would keep their state in the same record.
    /// What its state is known by.
    #[inline]
    pub(crate) const fn counter(&self) -> Counter {
        self.counter
    }

    pub(crate) fn shares_state_with(&self, other: &Self) -> bool {
        self.counter == other.counter
    }
}

impl FromStr for Limit {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text);
        let limit = parser.limit()?;
        parser.end()?;
        Ok(limit)
    }
}

impl fmt::Display for Limit {
    /// Writes the limit as it may be parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rate().fmt(f)?;
        match self.algorithm() {
            // What a text means where it names none.
            Algorithm::FixedWindow => Ok(()),
            algorithm @ Algorithm::TokenBucket if self.burst != self.requests => {
                write!(f, " burst {} {algorithm}", self.burst)
            }
            algorithm => write!(f, " {algorithm}"),
        }
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("rate", &self.rate())
            .field("algorithm", &self.algorithm())
            .field("burst", &self.burst)
            .finish()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter")
            .field(&self.algorithm())
            .field(&self.period_millis())
            .finish()
    }
}
