use std::ops::Deref;

use crate::{Key, Limit, Operation, OwnedKey, Policy};

/// What a store is asked: an operation on a key under one or more limits.
///
/// ```
/// use fastlimit_core::{Cost, Key, Limit, Operation, Request};
///
/// let limit: Limit = "100/minute".parse()?;
/// let key = Key::new("fl", "users", "default", "42");
/// let request = Request::new(key, limit, Operation::Check(Cost::ONE));
/// assert_eq!(request.limits().len(), 1);
/// # Ok::<(), fastlimit_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    key: Key<'a>,
    limits: Limits<'a>,
    operation: Operation,
}

/// One or more limits that were validated together: a [`Limit`], or those of a [`Policy`].
///
/// No two of them have the same algorithm and period.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a>(Source<'a>);

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    One(Limit),
    Policy(&'a Policy),
}

impl<'a> Request<'a> {
    /// Creates a request. A limiter does this for you.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Key, Limit, Operation, Request};
    /// # let limit: Limit = "100/minute".parse()?;
    /// let request = Request::new(Key::new("fl", "users", "default", "42"), limit, Operation::Reset);
    /// assert_eq!(request.key().to_string(), "fl:users::42");
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn new(key: Key<'a>, limits: impl Into<Limits<'a>>, operation: Operation) -> Self {
        Self {
            key,
            limits: limits.into(),
            operation,
        }
    }

    /// Returns the subject.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Key, Limit, Operation, Request};
    /// # let limit: Limit = "100/minute".parse()?;
    /// let request = Request::new(Key::new("fl", "users", "default", "42"), limit, Operation::Reset);
    /// assert_eq!(request.key().identifier(), "42");
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn key(&self) -> Key<'a> {
        self.key
    }

    /// Returns the key where the request has it.
    ///
    /// ```
    /// # use fastlimit_core::{Key, Limit, Operation, Request};
    /// # let limit: Limit = "100/minute".parse()?;
    /// let key = Key::new("fl", "users", "default", "42");
    /// let request = Request::new(key, limit, Operation::Reset);
    /// assert_eq!(*request.key_ref(), key);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn key_ref(&self) -> &Key<'a> {
        &self.key
    }

    /// Returns the limits, at least one.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Key, Limit, Operation, Request};
    /// # let limit: Limit = "100/minute".parse()?;
    /// let request = Request::new(Key::new("fl", "users", "default", "42"), limit, Operation::Reset);
    /// assert_eq!(request.limits(), [limit]);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// Returns what to do.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Key, Limit, Operation, Request};
    /// # let limit: Limit = "100/minute".parse()?;
    /// let request = Request::new(Key::new("fl", "users", "default", "42"), limit, Operation::Reset);
    /// assert_eq!(request.operation(), Operation::Reset);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Copies the request, so that it may outlive what it borrows.
    ///
    /// ```
    /// use fastlimit_core::{Key, Limit, Operation, OwnedRequest, Request};
    ///
    /// fn forget(identifier: &str, limit: Limit) -> OwnedRequest {
    ///     let key = Key::new("fl", "users", "default", identifier);
    ///     Request::new(key, limit, Operation::Reset).to_owned()
    /// }
    ///
    /// let owned = forget("42", "1/s".parse()?);
    /// assert_eq!(owned.as_request().key().identifier(), "42");
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_owned(&self) -> OwnedRequest {
        OwnedRequest {
            key: self.key.into(),
            limits: self.limits.into(),
            operation: self.operation,
        }
    }
}

impl<'a> Limits<'a> {
    /// The policy that they are of, if they are of one.
    #[inline]
    pub(crate) fn policy(&self) -> Option<&'a Policy> {
        match self.0 {
            Source::One(_) => None,
            Source::Policy(policy) => Some(policy),
        }
    }
}

impl Deref for Limits<'_> {
    type Target = [Limit];

    #[inline]
    fn deref(&self) -> &[Limit] {
        match &self.0 {
            Source::One(limit) => std::slice::from_ref(limit),
            Source::Policy(policy) => policy.limits(),
        }
    }
}

impl From<Limit> for Limits<'_> {
    #[inline]
    fn from(limit: Limit) -> Self {
        Self(Source::One(limit))
    }
}

impl<'a> From<&'a Policy> for Limits<'a> {
    #[inline]
    fn from(policy: &'a Policy) -> Self {
        Self(Source::Policy(policy))
    }
}

/// [`Limits`] that own their parts: one limit is copied, several share their policy.
#[derive(Clone, Debug)]
enum OwnedLimits {
    One(Limit),
    Several(Policy),
}

impl From<Limits<'_>> for OwnedLimits {
    #[inline]
    fn from(limits: Limits<'_>) -> Self {
        match limits.0 {
            Source::One(limit) => Self::One(limit),
            Source::Policy(policy) => match policy.limits() {
                [limit] => Self::One(*limit),
                _ => Self::Several(policy.clone()),
            },
        }
    }
}

impl OwnedLimits {
    fn as_limits(&self) -> Limits<'_> {
        match self {
            Self::One(limit) => Limits(Source::One(*limit)),
            Self::Several(policy) => Limits(Source::Policy(policy)),
        }
    }
}

/// A [`Request`] that owns its parts.
#[derive(Clone, Debug)]
pub struct OwnedRequest {
    key: OwnedKey,
    limits: OwnedLimits,
    operation: Operation,
}

impl OwnedRequest {
    /// Returns the request.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Key, Limit, Operation, Request};
    /// # let limit: Limit = "100/minute".parse()?;
    /// let request = Request::new(Key::new("fl", "users", "default", "42"), limit, Operation::Reset);
    /// let owned = request.to_owned();
    /// assert_eq!(owned.as_request().limits(), [limit]);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn as_request(&self) -> Request<'_> {
        Request {
            key: self.key.as_key(),
            limits: self.limits.as_limits(),
            operation: self.operation,
        }
    }
}
