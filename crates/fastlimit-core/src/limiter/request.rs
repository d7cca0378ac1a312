use std::fmt;
use std::time::Duration;

use super::wait::jitter;
use super::{Check, RateLimiter, Receipt, Reservation, Subject};
use crate::key::RedactedIdentifier;
use crate::store::Operation;
use crate::{Cost, Decision, Error, Exceeded, Limits};

/// A request of one identifier; from [`RateLimiter::request`].
///
/// ```
/// use fastlimit::{Cost, MemoryStore, Policy, RateLimiter};
/// # use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let policy = Policy::new("uploads", "10/hour")?;
/// let request = limiter.request("user:42").tenant("premium").cost(Cost::requests(3));
///
/// assert!(request.peek(&policy).await?.is_allowed()); // would it pass? nothing is charged
/// let decision = request.check(&policy).await?;
/// assert!(decision.is_allowed());
/// assert_eq!(request.usage(&policy).await?.remaining(), 7);
///
/// // What may have to be given back is reserved: a check cannot be taken back.
/// let reservation = request.reserve(Cost::requests(3), &policy).await??;
/// assert_eq!(reservation.cancel().await?.remaining(), 7); // the upload failed
///
/// // It was larger than anybody knew: a debt, past the limit.
/// let decision = request.cost(Cost::requests(12)).charge(&policy).await?;
/// assert_eq!(decision.remaining(), 0);
///
/// // An operator forgives.
/// assert_eq!(request.reset(&policy).await?.remaining(), 10);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
#[must_use = "a request does nothing until `check` or another operation"]
pub struct RequestBuilder<'a> {
    pub(super) limiter: &'a RateLimiter,
    pub(super) identifier: &'a str,
    pub(super) tenant: Option<&'a str>,
    pub(super) cost: Cost,
    pub(super) timeout: Option<Duration>,
}

impl<'a> RequestBuilder<'a> {
    #[inline]
    pub(super) fn new(limiter: &'a RateLimiter, identifier: &'a str) -> Self {
        Self {
            limiter,
            identifier,
            tenant: None,
            cost: Cost::ONE,
            timeout: None,
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

    /// Sets how long a networked store may take to answer, counted from the first poll of what is
    /// asked; otherwise the store's own setting holds. A store in this process answers at once.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Makes the request one of the subjects of [`RateLimiter::all`], under limits of its own.
    pub fn under(self, limits: impl Into<Limits<'a>>) -> Subject<'a> {
        Subject::new(self, limits.into())
    }

    /// Charges the cost to every limit if all of them allow it, else nothing.
    ///
    /// # Errors
    ///
    /// The future resolves to [`Error::Store`](crate::Error::Store) if the store does not know
    /// the answer. A denial is no error.
    #[inline]
    pub fn check(self, limits: impl Into<Limits<'a>>) -> Check<'a> {
        self.operation(Operation::Check(self.cost), limits)
    }

    /// Answers as [`check`](RequestBuilder::check) would, and charges nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    pub fn peek(self, limits: impl Into<Limits<'a>>) -> Check<'a> {
        self.operation(Operation::Peek(self.cost), limits)
    }

    /// Tells what is left of each limit; always allowed, charges nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    pub fn usage(self, limits: impl Into<Limits<'a>>) -> Check<'a> {
        self.operation(Operation::Peek(Cost::ZERO), limits)
    }

    /// Charges the cost even past the limits, for a cost that is known only afterwards; always
    /// allowed. What it owes denies others until it has drained.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    pub fn charge(self, limits: impl Into<Limits<'a>>) -> Check<'a> {
        self.operation(Operation::Charge(self.cost), limits)
    }

    /// Gives back what the receipt proves to have been charged, under the same identifier, tenant and
    /// limits; always allowed. It is the receipt's cost, whatever that of the request. What has
    /// expired since is not given back again, and never more than is in use.
    ///
    /// A token bucket may at one instant admit as much more than its burst as was given back, at most
    /// what refilled since the charge.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check). The receipt is used up: what became of the refund, the
    /// [kind](crate::StoreErrorKind) of the error says.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is used up, so that nothing is given back twice"
    )]
    pub fn refund(self, receipt: Receipt, limits: impl Into<Limits<'a>>) -> Check<'a> {
        let refund = Operation::Refund {
            cost: receipt.cost(),
            charged_at: receipt.charged_at(),
        };
        self.operation(refund, limits)
    }

    /// Forgets what was charged to every one of the limits; answers as a fresh key does.
    ///
    /// # Errors
    ///
    /// As [`check`](RequestBuilder::check).
    pub fn reset(self, limits: impl Into<Limits<'a>>) -> Check<'a> {
        self.operation(Operation::Reset, limits)
    }

    /// Charges an estimate of a cost that is known only afterwards, if the limits allow it. The
    /// estimate takes the place of the request's cost.
    ///
    /// # Errors
    ///
    /// The outer error means that the store does not know the answer, the inner one that the
    /// request is past a limit: `.await??` tells them apart.
    pub async fn reserve(
        self,
        estimate: Cost,
        limits: impl Into<Limits<'a>>,
    ) -> Result<Result<Reservation, Exceeded>, Error> {
        let check = self.cost(estimate).check(limits);
        let request = check.request().to_owned();
        let allowed = check.await?.into_result();
        Ok(allowed.map(|allowed| {
            let limiter = self.limiter.clone();
            Reservation::new(limiter, request, estimate, allowed.into_decision())
        }))
    }

    /// The reservation of what a check of this request charged. Hidden, since nothing but the caller's
    /// word says that the decision is that of such a check.
    #[doc(hidden)]
    pub fn reservation(self, decision: Decision, limits: impl Into<Limits<'a>>) -> Reservation {
        let request = self.check(limits).request().to_owned();
        Reservation::new(self.limiter.clone(), request, self.cost, decision)
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
    /// # use fastlimit::{MemoryStore, Policy, RateLimiter};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("crawl", "1000/second")?;
    /// let request = limiter.request("example.org");
    /// for _page in 0..3 {
    ///     let within = Duration::from_secs(5);
    ///     let decision = request.until_allowed(&policy, within, tokio::time::sleep).await?;
    ///     assert!(decision.is_allowed());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn until_allowed<S, F>(
        self,
        limits: impl Into<Limits<'a>>,
        within: Duration,
        sleep: S,
    ) -> Result<Decision, Error>
    where
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        let limits = limits.into();
        let mut left = within;
        loop {
            let decision = self.check(limits).await?;
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
    fn operation(self, operation: Operation, limits: impl Into<Limits<'a>>) -> Check<'a> {
        Check::new(self, limits.into(), operation)
    }
}

impl fmt::Debug for RequestBuilder<'_> {
    /// Leaves the identifier out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("limiter", self.limiter)
            .field("identifier", &RedactedIdentifier(self.identifier))
            .field("tenant", &self.tenant)
            .field("cost", &self.cost)
            .field("timeout", &self.timeout)
            .finish()
    }
}
