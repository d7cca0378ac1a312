use crate::{InvalidLimit, InvalidRate, ParseError, PolicyError, StoreError};

/// Why the limiter could not do what it was asked: a rate or a policy is wrong, or the store
/// failed.
///
/// A denied request is no error: it is a [`Decision`](crate::Decision). With an error it is not
/// known whether the request is within its limits; what the store knows of it,
/// [`StoreError::kind`] tells.
///
/// ```
/// use fastlimit::{Error, Policy};
///
/// fn policy() -> Result<Policy, Error> {
///     Ok(Policy::new("users", "100 per minut")?)
/// }
///
/// let error = policy().unwrap_err();
/// assert!(matches!(error, Error::Policy(_)));
/// assert!(error.to_string().contains("at byte 8"));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Numbers make no rate.
    #[error(transparent)]
    Rate(#[from] InvalidRate),
    /// A rate and a burst make no limit.
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
    /// A text is no rate, limit or policy.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A name and limits make no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
