use std::fmt;

/// What an operation takes from a limit, in thousandths of a request.
///
/// The unit is called *milli* here: one request is 1,000 milli, so a cost may be as small as
/// 0.001 requests. The same type tells how much of a limit remains.
///
/// A cost above [`Cost::MAX`] is read as that: it is more than any limit holds, so no answer
/// changes.
///
/// ```
/// use fastlimit::Cost;
///
/// let cost = Cost::milli(1_500);
/// assert_eq!(cost.as_milli(), 1_500);
/// assert_eq!(cost.whole_requests(), 1); // rounded down
/// assert_eq!(cost.to_string(), "1.5");
///
/// assert_eq!(Cost::requests(1), Cost::ONE);
/// assert_eq!(Cost::default(), Cost::ONE);
/// assert_eq!(Cost::requests(u64::MAX), Cost::MAX);
/// assert!(Cost::milli(0).is_zero());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u64);

impl Cost {
    /// Nothing: always allowed, changes nothing.
    pub const ZERO: Self = Self(0);

    /// One request, the default.
    pub const ONE: Self = Self(1_000);

    /// The greatest cost, 2^41 milli (2,199,023,255.552 requests).
    pub const MAX: Self = Self(1 << 41);

    /// Creates a cost of whole requests.
    #[must_use]
    pub const fn requests(requests: u64) -> Self {
        Self::milli(requests.saturating_mul(1_000))
    }

    /// Creates a cost of thousandths of a request.
    #[inline]
    #[must_use]
    pub const fn milli(milli: u64) -> Self {
        if milli > Self::MAX.0 {
            Self::MAX
        } else {
            Self(milli)
        }
    }

    /// Returns the cost in thousandths of a request.
    #[inline]
    #[must_use]
    pub const fn as_milli(self) -> u64 {
        self.0
    }

    /// Returns the whole requests in this cost, rounded down.
    #[inline]
    #[must_use]
    pub const fn whole_requests(self) -> u64 {
        self.0 / 1_000
    }

    /// Tells whether this is [`Cost::ZERO`].
    #[inline]
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Default for Cost {
    /// Returns [`Cost::ONE`].
    fn default() -> Self {
        Self::ONE
    }
}

impl fmt::Display for Cost {
    /// Writes the cost in requests, with as many decimals as it needs: `1`, `0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, milli) = (self.0 / 1_000, self.0 % 1_000);
        if milli == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{milli:03}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}
