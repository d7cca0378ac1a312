use std::fmt;
use std::time::Duration;

use crate::few::Few;
use crate::store::{Judged, Wait};
use crate::{Cost, Limit, Outcome, Timestamp, Verdict};

/// What the limiter decided of one request.
///
/// A denial is a decision, not an error: only an error means that we do not know. Where a
/// denial should end a function, [`into_result`](Decision::into_result) makes `?` do that.
///
/// ```
/// use fastlimit_core::{RateLimiter, Rate};
/// # use fastlimit_core::{Error, Reply, Request, Store, Entry, SystemClock, Clock};
/// # struct MemoryStore;
/// # impl Store for MemoryStore {
/// #     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
/// #         let entry = &mut Entry::new();
/// #         let now = SystemClock.now();
/// #         Reply::ready(Ok(entry.apply(request.limits(), request.operation(), now).outcome))
/// #     }
/// # }
///
/// # async fn run() -> Result<(), Error> {
/// let limiter = RateLimiter::new(MemoryStore);
/// let decision = limiter.check("user:42", Rate::per_minute(100)?).await?;
/// assert!(decision.is_allowed());
/// assert_eq!(decision.remaining(), 99);
/// # Ok(())
/// # }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(std::pin::pin!(run()).poll(&mut context).is_ready());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a decision that nobody looks at denies nothing"]
pub struct Decision {
    now: Timestamp,
    charged_at: Timestamp,
    /// What the limits say together: it is asked of every decision.
    wait: Wait,
    limits: Few<LimitStatus>,
}

impl Decision {
    /// The decision of an outcome under one limit, if it has one verdict.
    #[inline(always)]
    pub(crate) fn of_one(outcome: &Outcome, limit: &Limit) -> Option<Self> {
        let (limit, verdict) = (*limit, outcome.as_one()?);
        Some(Self {
            now: outcome.now(),
            charged_at: outcome.charged_at(),
            wait: verdict.wait(),
            limits: Few::One([LimitStatus { limit, verdict }]),
        })
    }

    pub(crate) fn new(outcome: Outcome, limits: &[Limit]) -> Result<Self, Outcome> {
        let verdicts = outcome.verdicts();
        if verdicts.len() != limits.len() {
            return Err(outcome);
        }
        let status = |(&limit, &verdict)| LimitStatus { limit, verdict };
        let limits: Few<_> = limits.iter().zip(verdicts).map(status).collect();
        Ok(Self {
            now: outcome.now(),
            charged_at: outcome.charged_at(),
            wait: limits.wait(),
            limits,
        })
    }

    /// Tells whether the request is within its limits.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// assert!(limiter.check("user:42", &policy).await?.is_allowed());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.wait.is_none()
    }

    /// Tells whether the request is past a limit; nothing was charged then.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// assert!(!limiter.check("user:42", &policy).await?.is_denied());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn is_denied(&self) -> bool {
        !self.is_allowed()
    }

    /// Returns the whole requests that remain of the limit that has least left, rounded down.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// assert_eq!(limiter.check("user:42", &policy).await?.remaining(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining_cost().whole_requests()
    }

    /// Returns what remains of the limit that has least left: a check of exactly that cost
    /// passes.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let decision = limiter.request("user:42").cost(Cost::milli(1)).check(&policy).await?;
    /// assert_eq!(decision.remaining_cost(), Cost::milli(1_999));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn remaining_cost(&self) -> Cost {
        self.limits.remaining()
    }

    /// Returns the time until every limit is as good as new.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let decision = limiter.check("user:42", &policy).await?;
    /// assert!(decision.reset_after() <= std::time::Duration::from_secs(86_400));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        self.limits.reset_after()
    }

    /// Returns the time after which the same request passes, if nothing else is charged
    /// meanwhile; no earlier time does. `None` if the request is allowed, or if it never will
    /// be because it costs more than a limit's capacity.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let three = limiter.request("user:42").cost(Cost::requests(3));
    /// assert_eq!(three.check(&policy).await?.retry_after(), None); // never
    /// let two = limiter.request("user:42").cost(Cost::requests(2));
    /// assert!(two.check(&policy).await?.is_allowed());
    /// assert!(two.check(&policy).await?.retry_after().is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.wait.duration()
    }

    /// Returns the limit that binds: the denied one with the longest wait, else the one with
    /// the least remaining.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let decision = limiter.check("user:42", &policy).await?;
    /// assert_eq!(decision.binding().limit().to_string(), "2/hour");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn binding(&self) -> LimitStatus {
        // There is at least one.
        self.limits
            .binding()
            .map_or(LimitStatus::NOTHING, |(_, &status)| status)
    }

    /// Returns how each limit stands, in the policy's order.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let decision = limiter.check("user:42", &policy).await?;
    /// let remaining: Vec<u64> = decision.limits().map(|status| status.remaining()).collect();
    /// assert_eq!(remaining, [1, 8]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn limits(&self) -> impl ExactSizeIterator<Item = LimitStatus> + '_ {
        self.limits.iter().copied()
    }

    /// Returns the time at which the store decided, by its clock.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let decision = limiter.check("user:42", &policy).await?;
    /// assert!(decision.now() > fastlimit_core::Timestamp::EPOCH);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the time that a refund of this charge must name.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let decision = limiter.check("user:42", &policy).await?;
    /// assert!(decision.charged_at() >= decision.now());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn charged_at(&self) -> Timestamp {
        self.charged_at
    }

    /// Makes a denial an error, so that `?` ends the function.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] if the request is denied.
    ///
    /// ```
    /// use fastlimit_core::{Decision, Exceeded};
    ///
    /// fn remaining(decision: Decision) -> Result<u64, Exceeded> {
    ///     let allowed = decision.into_result()?;
    ///     Ok(allowed.decision().remaining())
    /// }
    /// ```
    pub fn into_result(self) -> Result<Allowed, Exceeded> {
        if self.is_allowed() {
            Ok(Allowed(self))
        } else {
            Err(Exceeded(Box::new(self)))
        }
    }
}

/// How one limit of a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStatus {
    limit: Limit,
    verdict: Verdict,
}

impl Judged for LimitStatus {
    #[inline(always)]
    fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

impl LimitStatus {
    const NOTHING: Self = Self {
        limit: Limit::NOTHING,
        verdict: Verdict::standing(0, 0),
    };

    /// Returns the limit.
    #[inline]
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Tells whether this limit allows the request.
    #[inline]
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_allowed()
    }

    /// Returns the whole requests that remain, rounded down.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining_cost().whole_requests()
    }

    /// Returns what remains.
    #[inline]
    #[must_use]
    pub fn remaining_cost(&self) -> Cost {
        self.verdict.remaining()
    }

    /// Returns the time until the limit is as good as new.
    #[inline]
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        self.verdict.reset_after()
    }

    /// Returns the time after which this limit allows the request; `None` if it allows it now
    /// or never will.
    #[inline]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.verdict.retry_after()
    }
}

/// A decision that allows the request, from [`Decision::into_result`].
#[derive(Clone, Debug)]
pub struct Allowed(Decision);

impl Allowed {
    /// Returns the decision.
    pub fn decision(&self) -> &Decision {
        &self.0
    }

    /// Returns the decision, by value.
    pub fn into_decision(self) -> Decision {
        self.0
    }
}

/// A decision that denies the request, as an error, from [`Decision::into_result`].
///
/// It shows which limit refused and when to come back, and no identifier.
///
/// ```
/// use fastlimit_core::{Clock, Entry, RateLimiter, Reply, Request, Store, SystemClock};
/// # struct Fresh;
/// # impl Store for Fresh {
/// #     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
/// #         let now = SystemClock.now();
/// #         let outcome = Entry::new().apply(request.limits(), request.operation(), now).outcome;
/// #         Reply::ready(Ok(outcome))
/// #     }
/// # }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// # let limiter = RateLimiter::new(Fresh);
/// let none = "0/minute".parse::<fastlimit_core::Rate>()?;
/// let exceeded = limiter.check("user:42", none).await?.into_result().unwrap_err();
/// assert_eq!(
///     exceeded.to_string(),
///     "rate limit of 0/minute exceeded; the request costs more than the limit ever allows"
/// );
/// # Ok(())
/// # }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # let std::task::Poll::Ready(result) = std::pin::pin!(run()).poll(&mut context) else { panic!() };
/// # result.unwrap();
/// ```
#[derive(Clone, Debug)]
// Boxed, so that a result with it stays small.
pub struct Exceeded(Box<Decision>);

impl Exceeded {
    /// Returns the decision.
    pub fn decision(&self) -> &Decision {
        &self.0
    }

    /// Returns the limit that refused: the one with the longest wait.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.0.binding().limit()
    }

    /// Returns the time after which the same request passes; `None` if it never will.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after()
    }

    /// Returns [`retry_after`](Exceeded::retry_after) in whole seconds, rounded up and at least
    /// 1, as the header `Retry-After` shows it.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("exports", "2/hour; 9/day")?;
    /// let exceeded = limiter.check("user:42", "0/hour".parse::<fastlimit_core::Limit>()?);
    /// let exceeded = exceeded.await?.into_result().unwrap_err();
    /// assert_eq!(exceeded.retry_after_seconds(), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after()?;
        let part = u64::from(wait.subsec_nanos() > 0);
        Some(wait.as_secs().saturating_add(part).max(1))
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate limit of {} exceeded; ", self.limit())?;
        match self.retry_after_seconds() {
            Some(seconds) => write!(f, "retry after {seconds} s"),
            None => f.write_str("the request costs more than the limit ever allows"),
        }
    }
}

impl std::error::Error for Exceeded {}
