use std::fmt;
use std::str::FromStr;

use crate::grammar::{ParseError, Parser};
use crate::store::format::LONGEST_DRAIN;
use crate::{Algorithm, Cost, Rate};

/// A [`Rate`], the [`Algorithm`] that counts it, and for a token bucket its burst.
///
/// As a text it is `<rate> [burst <n>] [fixed-window|sliding-window|token-bucket|sliding-log]`. A
/// text that names no algorithm means the fixed window; only a token bucket has a burst, and
/// without one its burst is the number of its rate.
///
/// ```
/// use fastlimit::{Algorithm, Cost, Limit, Rate};
///
/// let limit: Limit = "100/minute burst 20 token-bucket".parse()?;
/// assert_eq!(limit, Limit::token_bucket(Rate::per_minute(100)?, 20)?);
/// assert_eq!(limit.capacity(), Cost::requests(20));
/// assert_eq!(limit.burst(), Some(20));
///
/// let limit: Limit = "100/minute".parse()?;
/// assert_eq!(limit, Limit::new(Rate::per_minute(100)?, Algorithm::FixedWindow)?);
/// assert_eq!(limit.capacity(), Cost::requests(100));
///
/// let error = Limit::new(Rate::per_hour(2_000)?, Algorithm::SlidingLog).unwrap_err();
/// assert!(error.to_string().contains("take sliding-window for more"));
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    rate: Rate,
    algorithm: Algorithm,
    /// What a token bucket holds, in requests; 0 for other algorithms.
    burst: u32,
}

/// Why a [`Limit`] could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimit {
    /// The burst is 0 or above [`Limit::MAX_BURST`].
    #[error("a burst is from 1 to 1000000000 requests")]
    Burst,
    /// The burst would take more than 36,525 days to drain at its rate.
    #[error("a burst drains within 100 years (36525 days) at its rate")]
    Drain,
    /// A sliding log of more than [`Limit::MAX_LOG_REQUESTS`].
    #[error(
        "a sliding log has at most {} requests per period, since each check reads and writes an \
         entry for every one of them; take sliding-window for more",
        Limit::MAX_LOG_REQUESTS
    )]
    Log,
}

impl Limit {
    /// The greatest burst, 1,000,000,000 requests.
    pub const MAX_BURST: u32 = 1_000_000_000;

    /// The greatest number of a sliding log, 1,000 requests per period.
    pub const MAX_LOG_REQUESTS: u32 = 1_000;

    /// Creates a limit; the burst of a token bucket is the number of its rate.
    ///
    /// # Errors
    ///
    /// [`InvalidLimit::Log`] if a sliding log has more than [`Limit::MAX_LOG_REQUESTS`].
    pub fn new(rate: Rate, algorithm: Algorithm) -> Result<Self, InvalidLimit> {
        algorithm.accept(rate)?;
        let burst = match algorithm.has_burst() {
            true => rate.requests(),
            false => 0,
        };
        Ok(Self::of_valid(rate, algorithm, burst))
    }

    /// The fixed window, which any rate makes.
    #[inline]
    pub(crate) const fn fixed_window(rate: Rate) -> Self {
        Self::of_valid(rate, Algorithm::FixedWindow, 0)
    }

    /// Creates a token bucket of `burst` requests that refills at `rate`. At a rate of 0
    /// everything that costs something is denied, whatever the burst.
    ///
    /// # Errors
    ///
    /// [`InvalidLimit`] if the burst is 0, above [`Limit::MAX_BURST`], or would take more than
    /// 36,525 days to drain.
    pub fn token_bucket(rate: Rate, burst: u32) -> Result<Self, InvalidLimit> {
        if burst == 0 || burst > Self::MAX_BURST {
            return Err(InvalidLimit::Burst);
        }
        let to_drain = u128::from(burst).saturating_mul(u128::from(rate.period_millis()));
        let drains = u128::from(rate.requests()).saturating_mul(u128::from(LONGEST_DRAIN));
        if rate.requests() > 0 && to_drain > drains {
            return Err(InvalidLimit::Drain);
        }
        Ok(Self::of_valid(rate, Algorithm::TokenBucket, burst))
    }

    /// The limit of parts that were taken from a limit.
    #[inline]
    pub(crate) const fn of_valid(rate: Rate, algorithm: Algorithm, burst: u32) -> Self {
        Self {
            rate,
            algorithm,
            burst,
        }
    }

    /// Stands in where there is no limit, which does not happen: limits are never empty.
    pub(crate) const NOTHING: Self = Self::fixed_window(Rate::of_valid(0, 1));

    /// Returns the rate.
    #[inline]
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Returns the algorithm.
    #[inline]
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns what a token bucket holds, in requests; `None` for other algorithms.
    #[inline]
    #[must_use]
    pub fn burst(&self) -> Option<u32> {
        self.algorithm.has_burst().then_some(self.burst)
    }

    /// Returns the most that can be in use at once: the burst of a token bucket, the number of
    /// the rate otherwise; nothing at a rate of 0.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> Cost {
        Cost::milli(self.algorithm.capacity(self))
    }

    /// Returns how many entries the state of the limit may come to have where no cost is below one
    /// request: one for each request of a sliding log, else one. A store bounds by it what it does in
    /// one step.
    #[must_use]
    pub fn most_entries(&self) -> u32 {
        self.algorithm.most_entries(self)
    }

    /// Tells whether the two limits would keep their state in the same record.
    pub(crate) fn shares_state_with(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.rate.period_millis() == other.rate.period_millis()
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
        self.rate.fmt(f)?;
        if let Some(burst) = self.burst().filter(|burst| *burst != self.rate.requests()) {
            write!(f, " burst {burst}")?;
        }
        // A fixed window is what a text means where it names none.
        match self.algorithm == Algorithm::default() {
            true => Ok(()),
            false => write!(f, " {}", self.algorithm),
        }
    }
}
