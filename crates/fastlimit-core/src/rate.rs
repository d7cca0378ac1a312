use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::grammar::{ParseError, Parser, Unit};

/// A number of requests per period, such as `100/minute`.
///
/// The number is from 0 to [`Rate::MAX_REQUESTS`], the period a whole number of milliseconds
/// from 1 ms to 366 days. At 0 everything that costs something is denied.
///
/// # Grammar
///
/// `<n>/<period>` or `<n> per <period>`, in any case, with spaces where you like them. `<n>` is
/// digits, with `_` between them if you like. A period is a unit with a whole multiplier before
/// it or without: `ms`, `s`, `m`, `h`, `d`, `w`, or `millisecond(s)`, `sec`, `second(s)`, `min`,
/// `minute(s)`, `hr`, `hour(s)`, `day(s)`, `week(s)`. Months and years have no fixed length
/// and are refused.
///
/// ```
/// use fastlimit::Rate;
/// use std::time::Duration;
///
/// let rate: Rate = "1_000 per 15 minutes".parse()?;
/// assert_eq!(rate.requests(), 1_000);
/// assert_eq!(rate.period(), Duration::from_secs(900));
/// assert_eq!(rate.period_millis(), 900_000);
/// assert_eq!(rate.to_string(), "1000/15m");
///
/// assert_eq!(rate, Rate::new(1_000, Duration::from_secs(900))?);
/// assert_eq!(Rate::per_second(10)?, "10/second".parse()?); // ten each second
///
/// let error = Rate::new(1, Duration::ZERO).unwrap_err();
/// assert_eq!(error.to_string(), "a period is a whole number of milliseconds from 1 ms to 366 days");
/// let error = "100/month".parse::<Rate>().unwrap_err();
/// assert_eq!(error.offset(), 4);
/// assert!(error.to_string().contains("no fixed length"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    requests: u32,
    period_millis: u64,
}

/// Why a [`Rate`] could not be built from numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRate {
    /// The number of requests is above [`Rate::MAX_REQUESTS`].
    #[error("a rate has at most 1000000000 requests per period")]
    Requests,
    /// The period is below 1 ms, above 366 days, or holds a fraction of a millisecond.
    #[error("a period is a whole number of milliseconds from 1 ms to 366 days")]
    Period,
}

impl Rate {
    /// The greatest number of requests per period, 1,000,000,000.
    pub const MAX_REQUESTS: u32 = 1_000_000_000;

    /// The shortest period, 1 ms.
    pub const MIN_PERIOD: Duration = Duration::from_millis(1);

    /// The longest period, 366 days.
    pub const MAX_PERIOD: Duration = Duration::from_secs(366 * 86_400);

    /// Creates a rate of `requests` in each `period`.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`] names the bound that a value is past.
    pub fn new(requests: u32, period: Duration) -> Result<Self, InvalidRate> {
        let millis = u64::try_from(period.as_millis()).map_err(|_| InvalidRate::Period)?;
        if Duration::from_millis(millis) != period {
            return Err(InvalidRate::Period);
        }
        Self::from_parts(u64::from(requests), millis)
    }

    /// Creates a rate of `requests` each second.
    ///
    /// # Errors
    ///
    /// [`InvalidRate::Requests`] above [`Rate::MAX_REQUESTS`].
    pub fn per_second(requests: u32) -> Result<Self, InvalidRate> {
        Self::from_parts(u64::from(requests), Unit::Second.millis())
    }

    /// Creates a rate of `requests` each minute.
    ///
    /// # Errors
    ///
    /// [`InvalidRate::Requests`] above [`Rate::MAX_REQUESTS`].
    pub fn per_minute(requests: u32) -> Result<Self, InvalidRate> {
        Self::from_parts(u64::from(requests), Unit::Minute.millis())
    }

    /// Creates a rate of `requests` each hour.
    ///
    /// # Errors
    ///
    /// [`InvalidRate::Requests`] above [`Rate::MAX_REQUESTS`].
    pub fn per_hour(requests: u32) -> Result<Self, InvalidRate> {
        Self::from_parts(u64::from(requests), Unit::Hour.millis())
    }

    /// Creates a rate of `requests` each day of 24 hours.
    ///
    /// # Errors
    ///
    /// [`InvalidRate::Requests`] above [`Rate::MAX_REQUESTS`].
    pub fn per_day(requests: u32) -> Result<Self, InvalidRate> {
        Self::from_parts(u64::from(requests), Unit::Day.millis())
    }

    pub(crate) fn from_parts(requests: u64, period_millis: u64) -> Result<Self, InvalidRate> {
        let requests = u32::try_from(requests).map_err(|_| InvalidRate::Requests)?;
        if requests > Self::MAX_REQUESTS {
            return Err(InvalidRate::Requests);
        }
        if period_millis == 0 || Duration::from_millis(period_millis) > Self::MAX_PERIOD {
            return Err(InvalidRate::Period);
        }
        Ok(Self {
            requests,
            period_millis,
        })
    }

    /// The number in milli; every number fits.
    #[inline]
    pub(crate) fn milli(&self) -> u64 {
        u64::from(self.requests).saturating_mul(1_000)
    }

    /// The rate of parts that were taken from a rate.
    #[inline]
    pub(crate) const fn of_valid(requests: u32, period_millis: u64) -> Self {
        Self {
            requests,
            period_millis,
        }
    }

    /// Returns the number of requests per period.
    #[inline]
    #[must_use]
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// Returns the period, whole milliseconds.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_millis(self.period_millis)
    }

    /// Returns the period in milliseconds, never 0.
    #[inline]
    #[must_use]
    pub const fn period_millis(&self) -> u64 {
        self.period_millis
    }
}

impl FromStr for Rate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text);
        let rate = parser.rate()?;
        parser.end()?;
        Ok(rate)
    }
}

impl fmt::Display for Rate {
    /// Writes the rate as it may be parsed, such as `100/minute` or `5/30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (multiplier, unit) = Unit::largest_dividing(self.period_millis);
        if multiplier == 1 {
            write!(f, "{}/{}", self.requests, unit.name())
        } else {
            write!(f, "{}/{multiplier}{}", self.requests, unit.abbreviation())
        }
    }
}
