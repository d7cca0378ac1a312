use std::fmt;
use std::time::Duration;

/// A point in time: whole milliseconds since the Unix epoch, from 0 to 2^52.
///
/// ```
/// use fastlimit_core::Timestamp;
/// use std::time::Duration;
///
/// let start = Timestamp::from_millis(60_000);
/// assert_eq!(start.saturating_add(Duration::from_secs(1)).as_millis(), 61_000);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// The latest point in time, 2^52 milliseconds (the year 144,683).
    pub const MAX: Self = Self(1 << 52);

    /// Creates a timestamp from milliseconds since the Unix epoch; what lies past
    /// [`Timestamp::MAX`] is read as that.
    ///
    /// ```
    /// use fastlimit_core::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_millis(5).as_millis(), 5);
    /// assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
    /// ```
    #[inline]
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Returns the milliseconds since the Unix epoch.
    ///
    /// ```
    /// use fastlimit_core::Timestamp;
    ///
    /// assert_eq!(Timestamp::EPOCH.as_millis(), 0);
    /// ```
    #[inline]
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the point in time `duration` later, at most [`Timestamp::MAX`]; what is less
    /// than a millisecond of `duration` is cut off.
    ///
    /// ```
    /// use fastlimit_core::Timestamp;
    /// use std::time::Duration;
    ///
    /// let later = Timestamp::EPOCH.saturating_add(Duration::from_millis(7));
    /// assert_eq!(later.as_millis(), 7);
    /// assert_eq!(later.saturating_add(Duration::MAX), Timestamp::MAX);
    /// ```
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Returns the point in time `duration` earlier, at the least the epoch; what is less than
    /// a millisecond of `duration` is cut off.
    ///
    /// ```
    /// use fastlimit_core::Timestamp;
    /// use std::time::Duration;
    ///
    /// let earlier = Timestamp::from_millis(9).saturating_sub(Duration::from_millis(7));
    /// assert_eq!(earlier.as_millis(), 2);
    /// ```
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Returns the time since `earlier`, zero if that is later than this.
    ///
    /// ```
    /// use fastlimit_core::Timestamp;
    /// use std::time::Duration;
    ///
    /// let (start, end) = (Timestamp::from_millis(10), Timestamp::from_millis(25));
    /// assert_eq!(end.saturating_duration_since(start), Duration::from_millis(15));
    /// assert_eq!(start.saturating_duration_since(end), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    /// Writes the milliseconds since the epoch, such as `1700000000000 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}
