//! The algorithms as pure functions: integers in, integers out, no clock and no I/O.

mod arithmetic;
pub(crate) mod fixed_window;
pub(crate) mod sliding_window;
mod state;
pub(crate) mod token_bucket;

use std::fmt;

use arithmetic::{ceil_div, floor_div, narrow, product, remainder, window_start};
pub(crate) use state::{State, View, is_date_from_the_future};

/// How a limit counts.
///
/// | | admits at most | after a denial | for |
/// | --- | --- | --- | --- |
/// | fixed window | the limit in each aligned window, twice that around a boundary | wait for the next window | quotas that people read: "1,000 a day" |
/// | sliding window | the limit in each aligned window, almost twice that in the worst interval | wait until enough has slid out | the same, smoothed |
/// | token bucket | a burst, then the rate | wait for the next token | steady traffic with short bursts |
///
/// ```
/// use fastlimit_core::{Algorithm, Limit, Rate};
///
/// let limit = Limit::new(Rate::per_minute(100)?, Algorithm::SlidingWindow);
/// assert_eq!(limit.to_string(), "100/minute sliding-window");
/// # Ok::<(), fastlimit_core::InvalidRate>(())
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
    /// `2C - ceil(2C / P)` where the period is `P` milliseconds. It assumes that what was used
    /// in the window before was spread evenly.
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
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::FixedWindow, Self::SlidingWindow, Self::TokenBucket];

    /// Returns the name that rate texts use.
    ///
    /// ```
    /// # use fastlimit_core::Algorithm;
    /// assert_eq!(Algorithm::TokenBucket.name(), "token-bucket");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed-window",
            Self::SlidingWindow => "sliding-window",
            Self::TokenBucket => "token-bucket",
        }
    }

    /// Finds the algorithm that a word names, in any case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
