//! The numbers of the model and of the bytes of an [`Entry`](super::Entry), for a store that reads
//! and writes them in another language.
//!
//! A value is a byte of format version, then a record for each limit, integers big-endian. A
//! record begins with the tag of its algorithm ([`Algorithm::tag`](crate::Algorithm::tag), one
//! byte) and its period; its state follows:
//!
//! | algorithm | state |
//! | --- | --- |
//! | fixed window | start (time), used (count) |
//! | sliding window | start (time), current (count), previous (count) |
//! | token bucket | at (time), whole (count), part (period), drain: how long after `at` it is as good as absent (count) |
//! | sliding log | at (time), total (count), number of entries (length), then of each entry its time and its count |

/// The version of the format, the first byte of a value.
pub const VERSION: u8 = 1;

/// The bytes of a period, and of what is less than one; milliseconds.
pub const PERIOD_BYTES: usize = 5;

/// The bytes of a point in time; milliseconds since the Unix epoch.
pub const TIME_BYTES: usize = 7;

/// The bytes of a count; milli, or milliseconds where it counts those.
pub const COUNT_BYTES: usize = 6;

/// The bytes of a number of entries.
pub const LENGTH_BYTES: usize = 2;

/// The longest that what is as good as absent is kept for a clock that steps back; milliseconds.
/// The grace is this or the period, if that is shorter.
pub const LONGEST_GRACE: u64 = 60_000;

/// A key on a server may end later than its grace, at the next multiple of the grace divided by
/// this: so many keys have the same end, and one that is charged again mostly keeps it.
pub const GRAINS_OF_GRACE: u64 = 12;

/// How much further than its period a record may be dated ahead; milliseconds. Past that the clock
/// which dated it was wrong, not early, and the record is read as absent.
pub const LATEST_DATE_AHEAD: u64 = 60_000;

/// The longest time in which the level of a token bucket may take to drain, 36,525 days;
/// milliseconds.
pub const LONGEST_DRAIN: u64 = 3_155_760_000_000;

/// The most entries of a sliding log. Where one more comes, the two oldest become one.
pub const MOST_LOG_ENTRIES: usize = 1_000;
