//! The algorithms as pure functions: integers in, integers out, no clock and no I/O.
//!
//! Each is one file that implements [`Model`], and one line of the list below. Nothing else in this
//! crate tells them apart.

mod arithmetic;
mod fixed_window;
mod model;
mod packed;
mod sliding_log;
mod sliding_window;
mod standing;
mod token_bucket;

use std::fmt;

pub(crate) use fixed_window::FixedWindow;
pub(crate) use model::Model;
use packed::{Count, Time};
pub(crate) use packed::{Packed, Period};
pub(crate) use sliding_log::SlidingLog;
pub(crate) use sliding_window::SlidingWindow;
pub(crate) use standing::Standing;
pub(crate) use token_bucket::TokenBucket;

use crate::{Cost, InvalidLimit, Limit, Rate, Timestamp};

/// Hands the names of all algorithms to a macro.
macro_rules! list_algorithms {
    ($with:ident $($first:tt)?) => {
        $with! { $($first)? FixedWindow, SlidingWindow, TokenBucket, SlidingLog }
    };
}
pub(crate) use list_algorithms;

/// How a limit counts.
///
/// | | admits at most | after a denial | for |
/// | --- | --- | --- | --- |
/// | fixed window | the limit in each aligned window, twice that around a boundary | wait for the next window | quotas that people read: "1,000 a day" |
/// | sliding window | the limit in each aligned window, almost twice that in the worst interval | wait until enough has slid out | the same, smoothed |
/// | token bucket | a burst, then the rate | wait for the next token | steady traffic with short bursts |
/// | sliding log | the limit in any interval | wait until enough has slid out | small limits that have to be exact |
///
/// ```
/// use fastlimit::{Algorithm, Limit, Rate};
///
/// let limit = Limit::new(Rate::per_minute(100)?, Algorithm::SlidingWindow)?;
/// assert_eq!(limit.to_string(), "100/minute sliding-window");
/// assert_eq!(Algorithm::SlidingWindow.name(), "sliding-window");
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// One counter per window, windows aligned to the Unix epoch. Exact and cheap; a client may
    /// spend two windows' worth around a boundary.
    #[default]
    FixedWindow,
    /// Two counters: that of the present window, and of the one before it the part that a
    /// window which ends now still covers.
    ///
    /// It smooths the boundary of the fixed window and does not abolish it: with a limit of
    /// `C` thousandths of a request, an interval of one period may see up to
    /// `max(C, 2C - ceil(2C / P))` where the period is `P` milliseconds. It assumes that what
    /// was used in the window before was spread evenly.
    SlidingWindow,
    /// A bucket of `burst` tokens that refills at the rate, the generic cell rate algorithm of
    /// ITU-T I.371.
    ///
    /// Over any time it admits at most the burst and what refills meanwhile, exactly: no
    /// fraction of a token is lost or won, however slow the rate and however often the client
    /// asks. A client that asks again after `retry_after` loses nothing as long as the burst
    /// holds a cost and a millisecond's refill; below that, whole milliseconds cannot hold the
    /// refill (burst 1 at 700/second reaches about 500).
    TokenBucket,
    /// A log of what was admitted when: no interval of a period's length ever sees more than the
    /// limit.
    ///
    /// The log takes 13 bytes for each millisecond in which something was admitted. It is read
    /// and written with each check, and travels to the client of a networked store, so a limit has
    /// at most [`Limit::MAX_LOG_REQUESTS`](crate::Limit::MAX_LOG_REQUESTS) requests; for more take
    /// a sliding window. It holds 1,000 entries: where costs below one request make more, the two
    /// oldest count as one, at the time of the later, which admits less and never more.
    SlidingLog,
}

macro_rules! impl_algorithm {
    ($($name:ident),+) => {
        impl Algorithm {
            /// All algorithms.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the name that rate texts use, such as `token-bucket`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $name::NAME,)+
                }
            }

            /// Returns what a record of this algorithm begins with in the bytes of an
            /// [`Entry`](crate::store::Entry).
            #[must_use]
            pub const fn tag(self) -> u8 {
                match self {
                    $(Self::$name => $name::TAG,)+
                }
            }

            /// Whether a limit has a burst besides its rate.
            #[inline]
            pub(crate) const fn has_burst(self) -> bool {
                match self {
                    $(Self::$name => $name::HAS_BURST,)+
                }
            }

            /// Refuses a rate that the algorithm does not serve.
            pub(crate) fn accept(self, rate: Rate) -> Result<(), InvalidLimit> {
                match self {
                    $(Self::$name => $name::accept(rate),)+
                }
            }

            /// The most that can be in use at once under a limit of this algorithm; milli.
            #[inline]
            pub(crate) fn capacity(self, limit: &Limit) -> u64 {
                match self {
                    $(Self::$name => $name::capacity(limit),)+
                }
            }

            /// How many entries the state of a limit may come to have.
            pub(crate) fn most_entries(self, limit: &Limit) -> u32 {
                match self {
                    $(Self::$name => $name::most_entries(limit),)+
                }
            }
        }
    };
}
list_algorithms!(impl_algorithm);

impl Algorithm {
    /// Finds the algorithm that a word names, in any case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let is_it = |algorithm: &Self| algorithm.name().eq_ignore_ascii_case(name);
        Self::ALL.iter().copied().find(is_it)
    }

    /// Finds the algorithm of a record's first byte.
    pub(crate) fn from_tag(tag: u8) -> Option<Self> {
        let is_it = |algorithm: &Self| algorithm.tag() == tag;
        Self::ALL.iter().copied().find(is_it)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn is_aligned(start: u64, period: u64) -> bool {
    start.checked_rem(period) == Some(0)
}

fn bounded_time(bytes: &mut &[u8]) -> Option<u64> {
    Some(Time::take(bytes)?.get()).filter(|time| *time <= Timestamp::MAX.as_millis())
}

fn bounded_count(bytes: &mut &[u8]) -> Option<u64> {
    Some(Count::take(bytes)?.get()).filter(|count| *count <= Cost::MAX.as_milli())
}
