use std::cmp::Ordering;

use super::RequestBuilder;
use super::rule::OwnedRule;
use crate::{Cost, Decision, Error, RateLimiter};

/// A cost that was charged as an estimate, until the true one is known; from
/// [`RequestBuilder::reserve`].
///
/// Dropped without [`settle`](Reservation::settle) or [`cancel`](Reservation::cancel) it stays
/// charged as estimated: a process that is lost in the middle must not hand quota back.
///
/// ```
/// # use fastlimit_core::{Clock, Entry, Reply, Request, Store, SystemClock};
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
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let tokens = Policy::new("tokens", "10_000/day")?;
/// let request = limiter.request("user:42");
///
/// let reservation = request.reserve(Cost::requests(2_000), &tokens).await??;
/// assert_eq!(reservation.decision().remaining(), 8_000);
/// // The model answers, and tells how many tokens it took.
/// let decision = reservation.settle(Cost::requests(1_500)).await?;
/// assert_eq!(decision.remaining(), 8_500);
/// # Ok(())
/// # }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # let std::task::Poll::Ready(result) = std::pin::pin!(run()).poll(&mut context) else { panic!() };
/// # result.unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a reservation that is neither settled nor cancelled stays charged as estimated"]
pub struct Reservation {
    limiter: RateLimiter,
    identifier: Box<str>,
    tenant: Option<Box<str>>,
    rule: OwnedRule,
    estimate: Cost,
    decision: Decision,
}

impl Reservation {
    pub(super) fn new(
        request: RequestBuilder<'_>,
        rule: OwnedRule,
        estimate: Cost,
        decision: Decision,
    ) -> Self {
        Self {
            limiter: request.limiter.clone(),
            identifier: request.identifier.into(),
            tenant: request.tenant.map(Into::into),
            rule,
            estimate,
            decision,
        }
    }

    /// Returns the decision that charged the estimate.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("tokens", "10/hour")?;
    /// let reservation = limiter.request("key").reserve(Cost::requests(4), &policy).await??;
    /// assert_eq!(reservation.decision().remaining(), 6);
    /// # Ok(())
    /// # }
    /// ```
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns what was charged.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("tokens", "10/hour")?;
    /// let reservation = limiter.request("key").reserve(Cost::requests(4), &policy).await??;
    /// assert_eq!(reservation.estimate(), Cost::requests(4));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn estimate(&self) -> Cost {
        self.estimate
    }

    /// Corrects the estimate to the cost that it was: gives the rest back, or charges what was
    /// missing even past the limits. Where the two are equal the store is not asked, and the
    /// decision is that of the reservation.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the store does not know the answer; the estimate stays charged then,
    /// unless the error's [kind](crate::StoreErrorKind) leaves that open.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("tokens", "10/hour")?;
    /// let reservation = limiter.request("key").reserve(Cost::requests(4), &policy).await??;
    /// assert_eq!(reservation.settle(Cost::requests(3)).await?.remaining(), 7);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn settle(self, actual: Cost) -> Result<Decision, Error> {
        let difference = self.estimate.as_milli().abs_diff(actual.as_milli());
        let request = self.request(Cost::milli(difference));
        match actual.cmp(&self.estimate) {
            Ordering::Less => {
                let charged_at = self.decision.charged_at();
                request.refund(charged_at, self.rule.as_rule()).await
            }
            Ordering::Equal => Ok(self.decision),
            Ordering::Greater => request.charge(self.rule.as_rule()).await,
        }
    }

    /// Gives the whole estimate back.
    ///
    /// # Errors
    ///
    /// As [`settle`](Reservation::settle).
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("tokens", "10/hour")?;
    /// let reservation = limiter.request("key").reserve(Cost::requests(4), &policy).await??;
    /// assert_eq!(reservation.cancel().await?.remaining(), 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cancel(self) -> Result<Decision, Error> {
        self.settle(Cost::ZERO).await
    }

    fn request(&self, cost: Cost) -> RequestBuilder<'_> {
        let request = self.limiter.request(&self.identifier).cost(cost);
        match &self.tenant {
            Some(tenant) => request.tenant(tenant),
            None => request,
        }
    }
}
