//! The algorithms as pure functions: integers in, integers out, no clock and no I/O.

pub(crate) mod fixed_window;
mod state;

use std::fmt;

pub(crate) use state::State;

/// How a limit counts.
///
/// ```
/// use fastlimit_core::{Algorithm, Limit, Rate};
///
/// let limit = Limit::new(Rate::per_minute(100)?, Algorithm::FixedWindow);
/// assert_eq!(limit.algorithm().to_string(), "fixed-window");
/// # Ok::<(), fastlimit_core::InvalidRate>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// One counter per window, windows aligned to the Unix epoch. Exact and cheap; a client may
    /// spend two windows' worth around a boundary.
    #[default]
    FixedWindow,
}

impl Algorithm {
    /// Returns the name that rate texts use.
    ///
    /// ```
    /// # use fastlimit_core::Algorithm;
    /// assert_eq!(Algorithm::FixedWindow.name(), "fixed-window");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed-window",
        }
    }

    /// Finds the algorithm that a word names, in any case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::FixedWindow]
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
