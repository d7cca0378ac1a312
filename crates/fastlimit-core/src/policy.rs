use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::grammar::{ParseError, Parser};
use crate::key::{DEFAULT_PART, Part};
use crate::{Limit, Rate};

/// A name and one or more limits that hold together: an operation is charged to all of them
/// or to none.
///
/// The name goes into keys (and into what a service shows of a policy): two policies with
/// different names never share a counter, two processes that use the same name do. Without a
/// name, as when a policy is parsed from a text, the name is `default`.
///
/// Cloning is cheap, and clones share one allocation.
///
/// ```
/// use fastlimit::{Limit, Policy, PolicyError, Rate};
///
/// let policy = Policy::new("users", "10/second; 1000/hour")?;
/// assert_eq!(policy.name(), "users");
/// assert_eq!(policy.limits()[1].rate(), Rate::per_hour(1_000)?);
/// assert_eq!(policy.to_string(), "10/second; 1000/hour");
///
/// let limits: [Limit; 2] = ["10/second".parse()?, "1000/hour".parse()?];
/// assert_eq!(policy, Policy::new("users", limits)?);
/// let error = Policy::new("users", [limits[0], limits[0]]).unwrap_err();
/// assert!(matches!(error, PolicyError::DuplicateLimit(_)));
/// let error = Policy::new("users\n", "10/second").unwrap_err();
/// assert_eq!(error.to_string(), "a policy's name is 1 to 128 characters of printable ASCII");
///
/// let unnamed: Policy = "100/minute".parse()?;
/// assert_eq!(unnamed.name(), "default");
/// assert!(policy.is_named() && !unnamed.is_named());
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    name: Part,
    limits: Box<[Limit]>,
}

impl PartialEq for Inner {
    fn eq(&self, other: &Self) -> bool {
        self.name.text() == other.name.text() && self.limits == other.limits
    }
}

impl Eq for Inner {}

/// Why a [`Policy`] could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The name is empty, too long or has characters that do not fit into a header.
    #[error("a policy's name is 1 to 128 characters of printable ASCII")]
    Name,
    /// There is no limit.
    #[error("a policy has at least one limit")]
    NoLimits,
    /// There are more limits than [`Policy::MAX_LIMITS`].
    #[error("a policy has at most {most} limits, and this one has {0}", most = Policy::MAX_LIMITS)]
    TooManyLimits(usize),
    /// Two limits have the same algorithm and period, so they would share their state.
    // Boxed, so that an error, and with it each answer, stays small.
    #[error("two limits of a policy have the same algorithm and period: {} and {}", .0[0], .0[1])]
    DuplicateLimit(Box<[Limit; 2]>),
    /// The text of the limits is wrong.
    #[error("the limits of a policy: {0}")]
    Parse(#[from] ParseError),
}

impl Policy {
    /// The most limits of a policy. A store applies all of them in one step, which everybody else
    /// waits for.
    pub const MAX_LIMITS: usize = 64;

    /// Creates a policy from a name and its limits: a text, a [`Rate`], a [`Limit`], or several
    /// limits.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if the name is not 1 to 128 characters of printable ASCII, if there is no limit
    /// or if there are more than [`MAX_LIMITS`](Policy::MAX_LIMITS), if two have the same algorithm and period, or if a text cannot be read.
    pub fn new(name: &str, limits: impl IntoLimits) -> Result<Self, PolicyError> {
        let printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if name.is_empty() || name.len() > 128 || !printable {
            return Err(PolicyError::Name);
        }
        let limits = limits.into_limits()?;
        if limits.is_empty() {
            return Err(PolicyError::NoLimits);
        }
        if limits.len() > Self::MAX_LIMITS {
            return Err(PolicyError::TooManyLimits(limits.len()));
        }
        let mut seen = limits.as_slice();
        while let Some((first, rest)) = seen.split_first() {
            if let Some(&second) = rest.iter().find(|limit| limit.shares_state_with(first)) {
                return Err(PolicyError::DuplicateLimit(Box::new([*first, second])));
            }
            seen = rest;
        }
        Ok(Self::from_valid(name, limits))
    }

    fn from_valid(name: &str, limits: Vec<Limit>) -> Self {
        let inner = Inner {
            name: Part::policy(name),
            limits: limits.into(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Returns the name; `default` if none was given.
    #[inline]
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.name.text()
    }

    /// Tells whether the policy was given a name other than `default`.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.name() != DEFAULT_PART
    }

    /// Returns the limits, at least one, in the order in which they were given.
    #[inline]
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.inner.limits
    }

    #[inline]
    pub(crate) fn part(&self) -> &Part {
        &self.inner.name
    }
}

impl FromStr for Policy {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // The parser refuses what `new` would: no limits, too many, two that share state.
        let limits = Parser::new(text).limits()?;
        Ok(Self::from_valid(DEFAULT_PART, limits))
    }
}

impl fmt::Display for Policy {
    /// Writes the limits as they may be parsed, without the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, limit) in self.limits().iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{limit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name())
            .field("limits", &self.limits())
            .finish()
    }
}

/// What [`Policy::new`] takes as limits. A bare [`Rate`] means the fixed window here, as in a
/// text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the limits of a policy",
    note = "pass a text such as \"10/second; 1000/hour\", a `Rate`, a `Limit`, or several `Limit`s"
)]
pub trait IntoLimits: sealed::Sealed {
    #[doc(hidden)]
    fn into_limits(self) -> Result<Vec<Limit>, ParseError>;
}

mod sealed {
    use super::{Limit, Rate};

    pub trait Sealed {}

    impl Sealed for &str {}
    impl Sealed for &String {}
    impl Sealed for String {}
    impl Sealed for Rate {}
    impl Sealed for Limit {}
    impl Sealed for &[Limit] {}
    impl Sealed for Vec<Limit> {}
    impl<const N: usize> Sealed for [Limit; N] {}
}

impl IntoLimits for &str {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        Parser::new(self).limits()
    }
}

impl IntoLimits for &String {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        self.as_str().into_limits()
    }
}

impl IntoLimits for String {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        self.as_str().into_limits()
    }
}

impl IntoLimits for Rate {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        Ok(vec![Limit::fixed_window(self)])
    }
}

impl IntoLimits for Limit {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        Ok(vec![self])
    }
}

impl IntoLimits for &[Limit] {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        Ok(self.to_vec())
    }
}

impl IntoLimits for Vec<Limit> {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        Ok(self)
    }
}

impl<const N: usize> IntoLimits for [Limit; N] {
    fn into_limits(self) -> Result<Vec<Limit>, ParseError> {
        Ok(self.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ParseErrorKind;

    /// So many limits, each of a period of its own.
    fn limits(count: u64) -> Vec<Limit> {
        let limit = |number| {
            let period = Duration::from_secs(10 + number);
            Limit::fixed_window(Rate::new(9, period).unwrap())
        };
        (0..count).map(limit).collect()
    }

    #[test]
    fn a_policy_has_no_more_limits_than_a_store_applies_in_one_step() {
        let most = limits(64);
        let policy = Policy::new("p", most.clone()).unwrap();
        assert_eq!(policy.limits().len(), Policy::MAX_LIMITS);
        let text = policy.to_string();
        assert_eq!(text.parse::<Policy>().unwrap().limits(), most);

        let error = Policy::new("p", limits(65)).unwrap_err();
        assert_eq!(error, PolicyError::TooManyLimits(65));
        assert_eq!(
            error.to_string(),
            "a policy has at most 64 limits, and this one has 65"
        );
        let more = format!("{text}; 9/day");
        let error = more.parse::<Policy>().unwrap_err();
        assert_eq!(*error.kind(), ParseErrorKind::TooManyLimits);
        assert_eq!(error.offset(), text.len() + 2);
        assert!(matches!(
            Policy::new("p", &*more),
            Err(PolicyError::Parse(_))
        ));
    }
}
