use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a store could not answer, and what is known of the operation.
///
/// Cloning is cheap: one lost connection may fail many callers.
///
/// ```
/// use fastlimit::{StoreError, StoreErrorKind};
/// use std::error::Error;
/// use std::io;
///
/// let error = StoreError::new(StoreErrorKind::NotSent, "127.0.0.1:6379 cannot be reached")
///     .with_source(io::Error::from(io::ErrorKind::ConnectionRefused));
/// assert!(error.kind().is_known_uncharged());
/// assert_eq!(error.message(), "127.0.0.1:6379 cannot be reached");
/// assert_eq!(error.to_string(), "127.0.0.1:6379 cannot be reached (nothing was charged)");
/// assert!(error.source().is_some());
/// ```
#[derive(Clone, Debug)]
pub struct StoreError {
    // Boxed: an error is rare, and each answer has room for one.
    parts: Box<Parts>,
}

#[derive(Clone, Debug)]
struct Parts {
    kind: StoreErrorKind,
    message: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What is known of an operation that a store could not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The operation never left: there was no connection, or no room or time to wait for one.
    /// Nothing was charged.
    NotSent,
    /// The server refused the operation. Nothing was charged.
    Refused,
    /// The operation was sent and no answer came: it may have been charged. It must not be
    /// sent again, else it may be charged twice.
    OutcomeUnknown,
    /// The store is set up wrongly: it will not work until that is put right.
    Misconfigured,
    /// What stands under the key was not written by this store, or by a version of it that
    /// this one does not know; it was left as it is.
    ForeignData,
}

impl StoreErrorKind {
    /// Tells whether the operation is known not to have been charged.
    #[must_use]
    pub const fn is_known_uncharged(self) -> bool {
        !matches!(self, Self::OutcomeUnknown)
    }
}

impl StoreError {
    /// Creates an error; `message` says what was wrong and what would be right, and holds no
    /// secrets and no identifier: a key is shown as [`redacted`](crate::store::Key::redacted).
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        let parts = Parts {
            kind,
            message: message.into().into(),
            source: None,
        };
        Self {
            parts: Box::new(parts),
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.parts.source = Some(Arc::new(source));
        self
    }

    /// Returns what is known of the operation.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.parts.kind
    }

    /// Returns what was wrong, without what is known of the operation.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.parts.message
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match self.parts.kind {
            StoreErrorKind::NotSent | StoreErrorKind::Refused => "nothing was charged",
            StoreErrorKind::OutcomeUnknown => "it may have been charged",
            StoreErrorKind::Misconfigured => "the store is misconfigured",
            StoreErrorKind::ForeignData => "not data of this store, left as it is",
        };
        write!(f, "{} ({known})", self.parts.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.parts.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}
