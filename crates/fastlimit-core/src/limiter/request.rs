use std::time::Duration;

use super::wait::jitter;
use super::{Check, RateLimiter, Reservation, Rule};
use crate::{Cost, Decision, Error, Exceeded, Operation, Timestamp};

/// A request of one identifier; from [`RateLimiter::request`].
///
/// ```
/// # use fastlimit_core::{Clock, Entry, Error, Reply, Request, Store, SystemClock};
/// use fastlimit_core::{Cost, Policy, RateLimiter};
/// # #[derive(Default)] struct MemoryStore(std::sync::Mutex<Entry>);
/// # impl MemoryStore { fn new() -> Self { Self::default() } }
/// # impl Store for MemoryStore {
/// #     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
/// #         let mut entry = self.0.lock().unwrap();
/// #         let now = SystemClock.now();
/// #         Reply::ready(Ok(entry.apply(request.limits(), request.operation(), now).outcome))
/// #     }
/// # }
///
/// # async fn run() -> Result<(), Error> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let policy = Policy::new("uploads", "10/hour")?;
/// let request = limiter.request("user:42").tenant("premium").cost(Cost::requests(3));
///
/// assert!(request.peek(&policy).await?.is_allowed()); // would it pass? nothing is charged
/// let decision = request.check(&policy).await?;
/// assert_eq!(request.usage(&policy).await?.remaining(), 7);
///
/// // The upload failed: give it back.
/// let _ = request.refund(decision.charged_at(), &policy).await?;
/// assert_eq!(request.usage(&policy).await?.remaining(), 10);
/// # Ok(())
/// # }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # let std::task::Poll::Ready(result) = std::pin::pin!(run()).poll(&mut context) else { panic!() };
/// # result.unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a request does nothing until `check` or another operation"]
pub struct RequestBuilder<'a> {
    pub(super) limiter: &'a RateLimiter,
    pub(super) identifier: &'a str,
    pub(super) tenant: Option<&'a str>,
    cost: Cost,
}

impl<'a> RequestBuilder<'a> {
    #[inline]
    pub(super) fn new(limiter: &'a RateLimiter, identifier: &'a str) -> Self {
        Self {
            limiter,
            identifier,
            tenant: None,
            cost: Cost::ONE,
        }
    }

    /// Sets the tenant, `default` otherwise: the same identifier of another tenant has counters
    /// of its own.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let tenant = |name| limiter.request("user:42").tenant(name).check(&policy);
    /// assert_eq!(tenant("free").await?.remaining(), 1);
    /// assert_eq!(tenant("premium").await?.remaining(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tenant(mut self, tenant: &'a str) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Sets the cost, one request otherwise.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let request = limiter.request("user:42").cost(Cost::milli(500));
    /// assert_eq!(request.check(&policy).await?.remaining_cost(), Cost::milli(1_500));
    /// # Ok(())
    /// # }
    /// ```
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Charges the cost to every limit if all of them allow it, else nothing.
    ///
    /// # Errors
    ///
    /// The future resolves to [`Error::Store`](crate::Error::Store) if the store does not know
    /// the answer. A denial is no error.
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let request = limiter.request("user:42");
    /// assert!(request.check(&policy).await?.is_allowed());
    /// assert!(request.check(&policy).await?.is_allowed());
    /// assert!(request.check(&policy).await?.is_denied());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn check(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Check(self.cost), rule)
    }

    /// Answers as [`check`](RequestBuilder::check) would, and charges nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let request = limiter.request("user:42");
    /// assert_eq!(request.peek(&policy).await?.remaining(), 1);
    /// assert_eq!(request.peek(&policy).await?.remaining(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Peek(self.cost), rule)
    }

    /// Tells what is left of each limit; always allowed, charges nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// assert_eq!(limiter.request("user:42").usage(&policy).await?.remaining(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn usage(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Peek(Cost::ZERO), rule)
    }

    /// Charges the cost even past the limits, for a cost that is known only afterwards; always
    /// allowed. What it owes denies others until it has drained.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let request = limiter.request("user:42");
    /// assert_eq!(request.cost(Cost::requests(5)).charge(&policy).await?.remaining(), 0);
    /// assert!(request.check(&policy).await?.is_denied());
    /// # Ok(())
    /// # }
    /// ```
    pub fn charge(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Charge(self.cost), rule)
    }

    /// Gives the cost back that was charged at `charged_at`, which is
    /// [`charged_at`](crate::Decision::charged_at) of the decision that charged it; always
    /// allowed. What has expired since is not given back again, and never more than is in use.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let request = limiter.request("user:42");
    /// let charged_at = request.check(&policy).await?.charged_at();
    /// assert_eq!(request.refund(charged_at, &policy).await?.remaining(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn refund(self, charged_at: Timestamp, rule: impl Into<Rule<'a>>) -> Check<'a> {
        let cost = self.cost;
        self.operation(Operation::Refund { cost, charged_at }, rule)
    }

    /// Forgets what was charged to every limit of the rule; answers as a fresh key does.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    ///
    /// ```
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let request = limiter.request("user:42");
    /// assert_eq!(request.check(&policy).await?.remaining(), 1);
    /// assert_eq!(request.reset(&policy).await?.remaining(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Reset, rule)
    }

    /// Charges an estimate of a cost that is known only afterwards, if the limits allow it. The
    /// estimate takes the place of the request's cost.
    ///
    /// # Errors
    ///
    /// The outer error means that the store does not know the answer, the inner one that the
    /// request is past a limit: `.await??` tells them apart.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let request = limiter.request("user:42");
    /// let reservation = request.reserve(Cost::requests(2), &policy).await??;
    /// assert_eq!(reservation.cancel().await?.remaining(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reserve(
        self,
        estimate: Cost,
        rule: impl Into<Rule<'a>>,
    ) -> Result<Result<Reservation, Exceeded>, Error> {
        let rule = rule.into();
        let decision = self.cost(estimate).check(rule).await?;
        let rule = rule.to_owned(self.limiter.default_algorithm());
        Ok(decision
            .into_result()
            .map(|allowed| Reservation::new(self, rule, estimate, allowed.into_decision())))
    }

    /// Checks until the request is allowed, and sleeps in between as each denial says, a little
    /// longer by chance so that those who wait do not all come back at once. Gives up when the
    /// next sleep would make it longer than `within`, or when waiting never helps: the decision
    /// is the denial then.
    ///
    /// `sleep` is the runtime's, such as `tokio::time::sleep`. `within` counts the time slept,
    /// not the time that the store takes to answer.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] as soon as the store does not know an answer.
    ///
    /// ```
    /// # use fastlimit_core::{Clock, Entry, Error, ManualClock, Reply, Request, Store};
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use std::time::Duration;
    /// # struct OneSubject(std::sync::Mutex<Entry>, ManualClock);
    /// # impl Store for OneSubject {
    /// #     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
    /// #         let mut entry = self.0.lock().unwrap();
    /// #         let now = self.1.now();
    /// #         Reply::ready(Ok(entry.apply(request.limits(), request.operation(), now).outcome))
    /// #     }
    /// # }
    /// # async fn run() -> Result<(), Error> {
    /// # let clock = ManualClock::default();
    /// # let limiter = RateLimiter::new(OneSubject(Default::default(), clock.clone()));
    /// # let sleep = |time| { clock.advance(time); std::future::ready(()) };
    /// let policy = Policy::new("crawl", "1/second")?;
    /// let request = limiter.request("example.org");
    /// for _page in 0..3 {
    ///     let decision = request.until_allowed(&policy, Duration::from_secs(5), sleep).await?;
    ///     assert!(decision.is_allowed());
    /// }
    /// # Ok(())
    /// # }
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let std::task::Poll::Ready(result) = std::pin::pin!(run()).poll(&mut context) else { panic!() };
    /// # result.unwrap();
    /// ```
    pub async fn until_allowed<S, F>(
        self,
        rule: impl Into<Rule<'a>>,
        within: Duration,
        sleep: S,
    ) -> Result<Decision, Error>
    where
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        let rule = rule.into();
        let mut left = within;
        loop {
            let decision = self.check(rule).await?;
            let Some(wait) = decision.retry_after() else {
                return Ok(decision);
            };
            let Some(spare) = left.checked_sub(wait) else {
                return Ok(decision);
            };
            let wait = wait.saturating_add(jitter(wait).min(spare));
            sleep(wait).await;
            left = left.saturating_sub(wait);
        }
    }

    #[inline]
    fn operation(self, operation: Operation, rule: impl Into<Rule<'a>>) -> Check<'a> {
        Check::new(self, rule.into(), operation)
    }
}
