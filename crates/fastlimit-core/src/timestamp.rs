use std::fmt;
use std::time::Duration;

/// A point in time: whole milliseconds since the Unix epoch, from 0 to 2^52.
///
/// ```
/// use fastlimit::Timestamp;
/// use std::time::Duration;
///
/// let start = Timestamp::from_millis(60_000);
/// let end = start.saturating_add(Duration::from_secs(1));
/// assert_eq!(end.as_millis(), 61_000);
/// assert_eq!(end.saturating_sub(Duration::from_secs(1)), start);
/// assert_eq!(end.saturating_duration_since(start), Duration::from_secs(1));
///
/// assert_eq!(start.saturating_duration_since(end), Duration::ZERO);
/// assert_eq!(start.saturating_sub(Duration::MAX), Timestamp::EPOCH);
/// assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
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
    #[inline]
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the point in time `duration` later, at most [`Timestamp::MAX`]; what is less
    /// than a millisecond of `duration` is cut off.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(whole_millis(duration)))
    }

    /// Returns the point in time `duration` earlier, at the least the epoch; what is less than
    /// a millisecond of `duration` is cut off.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(duration)))
    }

    /// Returns the time since `earlier`, zero if that is later than this.
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

/// The whole milliseconds of a duration; `u64::MAX` if there are more.
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
