use std::fmt;
use std::str::FromStr;

use crate::grammar::{ParseError, Parser};
use crate::{Algorithm, Cost, Rate};

/// A [`Rate`] and the [`Algorithm`] that counts it.
///
/// As a text it is a rate and, if you like, the algorithm: `100/minute fixed-window`. A text
/// that names none means the fixed window.
///
/// ```
/// use fastlimit_core::{Algorithm, Cost, Limit, Rate};
///
/// let limit: Limit = "100/minute fixed-window".parse()?;
/// assert_eq!(limit, Limit::new(Rate::per_minute(100)?, Algorithm::FixedWindow));
/// assert_eq!(limit.capacity(), Cost::requests(100));
/// assert_eq!(limit.to_string(), "100/minute");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    rate: Rate,
    algorithm: Algorithm,
}

impl Limit {
    /// Creates a limit.
    ///
    /// ```
    /// use fastlimit_core::{Algorithm, Limit, Rate};
    ///
    /// let limit = Limit::new(Rate::per_second(10)?, Algorithm::FixedWindow);
    /// assert_eq!(limit.rate().requests(), 10);
    /// # Ok::<(), fastlimit_core::InvalidRate>(())
    /// ```
    #[must_use]
    pub const fn new(rate: Rate, algorithm: Algorithm) -> Self {
        Self { rate, algorithm }
    }

    /// Returns the rate.
    ///
    /// ```
    /// # use fastlimit_core::Limit;
    /// assert_eq!("5/30s".parse::<Limit>()?.rate(), "5/30s".parse()?);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Returns the algorithm.
    ///
    /// ```
    /// # use fastlimit_core::{Algorithm, Limit};
    /// assert_eq!("5/30s".parse::<Limit>()?.algorithm(), Algorithm::FixedWindow);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the most that can be in use at once.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Limit};
    /// assert_eq!("5/30s".parse::<Limit>()?.capacity(), Cost::requests(5));
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn capacity(&self) -> Cost {
        Cost::requests(u64::from(self.rate.requests()))
    }

    /// Stands in where there is no limit, which does not happen: limits are never empty.
    pub(crate) const NOTHING: Self = Self::new(Rate::NOTHING, Algorithm::FixedWindow);

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
        match self.algorithm {
            // What a text means where it names none.
            Algorithm::FixedWindow => write!(f, "{}", self.rate),
        }
    }
}
