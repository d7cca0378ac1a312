use super::{Check, RateLimiter, Rule};
use crate::{Cost, Operation, Timestamp};

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
    pub fn tenant(mut self, tenant: &'a str) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Sets the cost, one request otherwise.
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
    pub fn check(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Check(self.cost), rule)
    }

    /// Answers as [`check`](RequestBuilder::check) would, and charges nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    pub fn peek(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Peek(self.cost), rule)
    }

    /// Tells what is left of each limit; always allowed, charges nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    pub fn usage(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Peek(Cost::ZERO), rule)
    }

    /// Charges the cost even past the limits, for a cost that is known only afterwards; always
    /// allowed. What it owes denies others until it has drained.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
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
    pub fn refund(self, charged_at: Timestamp, rule: impl Into<Rule<'a>>) -> Check<'a> {
        let cost = self.cost;
        self.operation(Operation::Refund { cost, charged_at }, rule)
    }

    /// Forgets what was charged to every limit of the rule; answers as a fresh key does.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    pub fn reset(self, rule: impl Into<Rule<'a>>) -> Check<'a> {
        self.operation(Operation::Reset, rule)
    }

    fn operation(self, operation: Operation, rule: impl Into<Rule<'a>>) -> Check<'a> {
        Check::new(self, rule.into(), operation)
    }
}
