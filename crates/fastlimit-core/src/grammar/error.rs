/// Why a text is no rate, limit or policy: where it goes wrong, and what was expected there.
///
/// ```
/// use fastlimit::{ParseErrorKind, Rate};
///
/// let error = "100/fortnight".parse::<Rate>().unwrap_err();
/// assert_eq!(error.offset(), 4);
/// assert_eq!(
///     error.to_string(),
///     "at byte 4: expected a unit of time (ms, s, min, h, d or w), found `fortnight`"
/// );
/// assert!(matches!(error.kind(), ParseErrorKind::Unexpected { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {}: {}", parts.offset, parts.kind)]
pub struct ParseError {
    // Boxed, so that results with it stay small.
    parts: Box<Parts>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    offset: usize,
    kind: ParseErrorKind,
}

/// What is wrong at the place that a [`ParseError`] names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Something else was expected.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What may stand there.
        expected: &'static str,
        /// What stands there: a word or a character in backquotes, or `the end`.
        found: String,
    },
    /// The unit of time has no fixed length: a month, a year.
    #[error(
        "a {unit} has no fixed length; expected a period in days or weeks, such as `{instead}`"
    )]
    NoFixedLength {
        /// The unit.
        unit: &'static str,
        /// A period with a fixed length that may be meant.
        instead: &'static str,
    },
    /// A number is past its bound.
    #[error("{what} is past its bound; expected {bound}")]
    OutOfRange {
        /// What the number counts.
        what: &'static str,
        /// What it may be.
        bound: &'static str,
    },
    /// A burst with an algorithm that has none.
    #[error("only a token bucket has a burst; expected `token-bucket` after it, or no burst")]
    BurstWithoutBucket,
    /// A policy has more limits than [`Policy::MAX_LIMITS`](crate::Policy::MAX_LIMITS).
    #[error(
        "one limit too many; a policy has at most {}",
        crate::Policy::MAX_LIMITS
    )]
    TooManyLimits,
    /// A limit has the algorithm and the period of one before it in the same policy.
    #[error(
        "a second limit with the same algorithm and period, so the two would share their state; \
         expected each pair of algorithm and period once"
    )]
    DuplicateLimit,
}

impl ParseError {
    pub(super) fn new(offset: usize, kind: ParseErrorKind) -> Self {
        Self {
            parts: Box::new(Parts { offset, kind }),
        }
    }

    /// Returns the offset, in bytes, of the place that is wrong.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.parts.offset
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> &ParseErrorKind {
        &self.parts.kind
    }
}
