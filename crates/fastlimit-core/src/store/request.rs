use std::time::Duration;

use smallvec::SmallVec;

use super::Operation;
use crate::key::{Key, OwnedKey};
use crate::{Limit, Limits};

/// What a store is asked: an operation on a key under one or more limits.
///
/// ```
/// use fastlimit::store::{Key, Operation, Request};
/// use fastlimit::{Cost, Limit};
///
/// let limit: Limit = "100/minute".parse()?;
/// let key = Key::new("fl", "users", "default", "42");
/// let request = Request::new(key, limit, Operation::Check(Cost::ONE));
/// assert_eq!(*request.key(), key);
/// assert_eq!(request.limits(), [limit]);
/// assert_eq!(request.operation(), Operation::Check(Cost::ONE));
///
/// // A copy outlives what the request borrows.
/// let owned = request.with_operation(Operation::Reset).to_owned();
/// assert_eq!(owned.as_request().operation(), Operation::Reset);
/// # Ok::<(), fastlimit::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    key: Key<'a>,
    limits: Limits<'a>,
    operation: Operation,
    timeout: Option<Duration>,
}

impl<'a> Request<'a> {
    /// Creates a request. A limiter does this for you.
    #[inline]
    #[must_use]
    pub fn new(key: Key<'a>, limits: impl Into<Limits<'a>>, operation: Operation) -> Self {
        Self {
            key,
            limits: limits.into(),
            operation,
            timeout: None,
        }
    }

    /// Returns the subject.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &Key<'a> {
        &self.key
    }

    /// Returns the limits, at least one.
    #[inline]
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// Returns what to do.
    #[inline]
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns how long the answer may take, from the moment of asking; `None` leaves it to the store.
    /// A store that answers at once need not look.
    #[inline]
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The same request with a time that the answer may take.
    #[inline]
    #[must_use]
    pub fn with_timeout(self, timeout: Option<Duration>) -> Self {
        Self { timeout, ..self }
    }

    /// The same request with another subject.
    #[must_use]
    pub fn with_key(self, key: Key<'a>) -> Self {
        Self { key, ..self }
    }

    /// The same request with another operation.
    #[inline]
    #[must_use]
    pub fn with_operation(self, operation: Operation) -> Self {
        Self { operation, ..self }
    }

    /// Copies the request, so that it may outlive what it borrows.
    #[must_use]
    pub fn to_owned(&self) -> OwnedRequest {
        OwnedRequest {
            key: self.key.into(),
            limits: SmallVec::from_slice(&self.limits),
            operation: self.operation,
            timeout: self.timeout,
        }
    }
}

/// A [`Request`] that owns its parts.
#[derive(Clone, Debug)]
pub struct OwnedRequest {
    key: OwnedKey,
    limits: SmallVec<[Limit; 1]>,
    operation: Operation,
    timeout: Option<Duration>,
}

impl OwnedRequest {
    /// Returns the request.
    #[must_use]
    pub fn as_request(&self) -> Request<'_> {
        Request {
            key: self.key.as_key(),
            limits: Limits::of_owned(&self.limits),
            operation: self.operation,
            timeout: self.timeout,
        }
    }
}
