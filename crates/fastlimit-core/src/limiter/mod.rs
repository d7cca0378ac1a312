//! What users hold: the limiter.

mod all;
mod builder;
mod check;
mod decisions;
mod join;
mod receipt;
mod request;
mod reservation;
mod subject;
mod wait;

use std::fmt;
use std::sync::Arc;

pub use all::All;
pub use builder::RateLimiterBuilder;
pub use check::Check;
pub use decisions::{Decisions, Refused};
pub use receipt::Receipt;
pub use request::RequestBuilder;
pub use reservation::Reservation;
pub use subject::Subject;

use crate::key::{DEFAULT_PART, Part};
use crate::{Algorithm, Cost, Error, Limits, Rate, Store};

/// A rate limiter: a store, and how requests become keys in it.
///
/// It is one plain type whatever the store, and cheap to clone: clones share the store, so a
/// limiter goes into the state of a web application as it is.
///
/// ```
/// use fastlimit::{Algorithm, Cost, MemoryStore, Policy, Rate, RateLimiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), fastlimit::Error> {
/// let limiter = RateLimiter::new(MemoryStore::new());
///
/// let rate: Rate = "100/minute".parse()?;
/// let decision = limiter.check("user:42", rate).await?; // cost 1, tenant `default`
/// assert_eq!(decision.remaining(), 99);
///
/// let policy = Policy::new("exports", "10/second; 1000/hour")?; // all or nothing
/// let decision = limiter
///     .request("user:42")
///     .tenant("premium")
///     .cost(Cost::requests(10))
///     .check(&policy)
///     .await?;
/// assert!(decision.is_allowed());
///
/// let limiter = RateLimiter::builder(MemoryStore::new())
///     .prefix("billing") // applications with different prefixes share a server
///     .default_algorithm(Algorithm::TokenBucket) // of a bare rate
///     .build();
/// assert_eq!(limiter.prefix(), "billing");
/// assert!(limiter.health().await.is_ok());
/// # Ok(())
/// # }
/// ```
pub struct RateLimiter {
    inner: Arc<Inner>,
}

struct Inner {
    prefix: Part,
    /// The policy of a bare rate or limit.
    default: Part,
    algorithm: Algorithm,
    /// Boxed: where a store lies behind the other fields depends on its alignment, which every
    /// check would have to look up.
    store: Box<dyn Store>,
}

impl RateLimiter {
    /// The prefix of keys unless another is set.
    pub const DEFAULT_PREFIX: &'static str = "fl";

    /// Creates a limiter on a store, with the prefix `fl`, that counts a bare [`Rate`] with the
    /// fixed window.
    pub fn new(store: impl Store) -> Self {
        Self::builder(store).build()
    }

    /// Starts a limiter whose prefix or default algorithm you set.
    pub fn builder<S: Store>(store: S) -> RateLimiterBuilder<S> {
        RateLimiterBuilder::new(store)
    }

    /// Checks one request of an identifier and charges it if it is within its limits: cost 1,
    /// tenant `default`.
    ///
    /// `limits` is a [`Rate`], a [`Limit`](crate::Limit) or a [`&Policy`](crate::Policy). A bare
    /// rate counts with the limiter's default algorithm, and like a limit under the policy name
    /// `default`.
    ///
    /// # Errors
    ///
    /// The future resolves to [`Error::Store`] if the store does not know the answer, to
    /// [`Error::Limit`] if the default algorithm does not serve the rate. A denial is no error.
    #[inline]
    pub fn check<'a>(&'a self, identifier: &'a str, limits: impl Into<Limits<'a>>) -> Check<'a> {
        self.request(identifier).check(limits)
    }

    /// Starts a request of an identifier whose tenant or cost you set, or that does something
    /// else than check.
    #[inline]
    pub fn request<'a>(&'a self, identifier: &'a str) -> RequestBuilder<'a> {
        RequestBuilder::new(self, identifier)
    }

    /// Starts a request of several subjects, such as an address, a user and everybody: it is allowed
    /// only if each of them is, and a subject that is refused takes nothing from the others.
    ///
    /// A subject is a pair of an identifier and limits, or a request
    /// [`under`](RequestBuilder::under) limits. One that another limiter made is asked of that one,
    /// which may have another store. One of cost zero is always allowed.
    ///
    /// The checks leave together and are waited for at the same time: with a Redis store it is one
    /// round trip if all allow, and one more if one refuses. What the others were charged is then given
    /// back. So it never admits more than any limit does, except that a token bucket may at one instant
    /// admit as much more than its burst as was given back, at most what refilled since the charge. For
    /// the length of one trip others may see charged what is about to be given back, and be refused for
    /// it. A future that is dropped in the middle leaves charged what was charged.
    ///
    /// ```
    /// use fastlimit::{Cost, MemoryStore, Policy, RateLimiter};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), fastlimit::Error> {
    /// let limiter = RateLimiter::new(MemoryStore::new());
    /// let per_address = Policy::new("address", "20/minute")?;
    /// let per_user = Policy::new("user", "3/minute")?;
    /// let overall = Policy::new("overall", "1000/minute")?;
    /// let subjects = [
    ///     limiter.request("198.51.100.7").under(&per_address),
    ///     limiter.request("user:42").tenant("premium").cost(Cost::requests(2)).under(&per_user),
    ///     limiter.request("everybody").under(&overall),
    /// ];
    ///
    /// assert!(limiter.all(subjects).check().await?.is_allowed());
    /// let decisions = limiter.all(subjects).check().await?;
    /// if let Some(refused) = decisions.refused() {
    ///     assert_eq!((refused.index(), refused.policy()), (1, "user"));
    /// }
    /// let left: Vec<_> = decisions.as_slice().iter().map(|decision| decision.remaining()).collect();
    /// assert_eq!(left, [19, 1, 999]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn all<'a, S: Into<Subject<'a>>>(
        &'a self,
        subjects: impl IntoIterator<Item = S>,
    ) -> All<'a> {
        All::new(self, subjects)
    }

    /// Finds out whether the store works, by charging a probe to it under the policy `health`, on
    /// every server that it is made of: a key that lives for two seconds.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] says what is wrong with the first server that does not work.
    pub async fn health(&self) -> Result<(), Error> {
        let rate = Rate::per_second(Rate::MAX_REQUESTS)?;
        let policy = crate::Policy::new("health", rate)?;
        let probe = self
            .request("fastlimit")
            .cost(Cost::milli(1))
            .check(&policy);
        let replies = self.inner.store.apply_everywhere(probe.request());
        let answers = join::join(replies).await;
        answers
            .into_iter()
            .try_for_each(|answer| answer.map(drop))?;
        Ok(())
    }

    /// Returns the prefix of this limiter's keys.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.inner.prefix.text()
    }

    /// Returns the algorithm that counts a bare [`Rate`].
    #[must_use]
    pub fn default_algorithm(&self) -> Algorithm {
        self.inner.algorithm
    }
}

impl Inner {
    fn new(store: impl Store, prefix: &str, algorithm: Algorithm) -> Self {
        Self {
            prefix: Part::prefix(prefix),
            default: Part::policy(DEFAULT_PART),
            algorithm,
            store: Box::new(store),
        }
    }
}

impl Clone for RateLimiter {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("prefix", &self.prefix())
            .field("algorithm", &self.inner.algorithm)
            .finish_non_exhaustive()
    }
}
