use std::cmp::Ordering;

use super::{Check, Receipt};
use crate::store::{Operation, OwnedRequest};
use crate::{Cost, Decision, Error, RateLimiter};

/// A cost that was charged as an estimate, until the true one is known; from
/// [`RequestBuilder::reserve`](crate::RequestBuilder::reserve).
///
/// Dropped without [`settle`](Reservation::settle) or [`cancel`](Reservation::cancel) it stays
/// charged as estimated: a process that is lost in the middle must not hand quota back. There is no
/// copy of a reservation, so nothing is given back twice. A token bucket may at one instant admit as
/// much more than its burst as was given back, at most what refilled since the charge.
///
/// ```
/// use fastlimit::{Cost, MemoryStore, Policy, RateLimiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let tokens = Policy::new("tokens", "10_000/day")?;
/// let request = limiter.request("user:42");
///
/// let reservation = request.reserve(Cost::requests(2_000), &tokens).await??;
/// assert_eq!(reservation.estimate(), Cost::requests(2_000));
/// assert_eq!(reservation.decision().remaining(), 8_000);
/// // The model answers, and tells how many tokens it took.
/// let decision = reservation.settle(Cost::requests(1_500)).await?;
/// assert_eq!(decision.remaining(), 8_500);
///
/// // Nothing came of this one.
/// let reservation = request.reserve(Cost::requests(500), &tokens).await??;
/// assert_eq!(reservation.cancel().await?.remaining(), 8_500);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a reservation that is neither settled nor cancelled stays charged as estimated"]
pub struct Reservation {
    limiter: RateLimiter,
    /// The check of the estimate.
    request: OwnedRequest,
    estimate: Cost,
    decision: Decision,
}

impl Reservation {
    pub(super) fn new(
        limiter: RateLimiter,
        request: OwnedRequest,
        estimate: Cost,
        decision: Decision,
    ) -> Self {
        Self {
            limiter,
            request,
            estimate,
            decision,
        }
    }

    /// Returns the decision that charged the estimate.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns what was charged.
    #[must_use]
    pub fn estimate(&self) -> Cost {
        self.estimate
    }

    /// Corrects the estimate to the cost that it was: gives the rest back, or charges what was
    /// missing even past the limits. Where the two are equal the store is not asked, and the
    /// decision is that of the reservation.
    ///
    /// The store is asked about the difference, which is not the cost of a request: its decision has
    /// no [`next_after`](Decision::next_after).
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the store does not know the answer; the estimate stays charged then,
    /// unless the error's [kind](crate::StoreErrorKind) leaves that open.
    pub async fn settle(self, actual: Cost) -> Result<Decision, Error> {
        let cost = Cost::milli(self.estimate.as_milli().abs_diff(actual.as_milli()));
        let charged_at = self.decision.charged_at();
        let operation = match actual.cmp(&self.estimate) {
            Ordering::Less => Operation::Refund { cost, charged_at },
            Ordering::Equal => return Ok(self.decision),
            Ordering::Greater => Operation::Charge(cost),
        };
        let request = self.request.as_request().with_operation(operation);
        let decision = Check::again(&self.limiter, request).await?;
        Ok(decision.without_next_after())
    }

    /// Turns the reservation into what proves its charge, to be kept with what was charged for and
    /// [given back](crate::RequestBuilder::refund) later, in another process if need be. The
    /// estimate stays charged until then.
    #[must_use = "without its receipt the charge cannot be given back any more"]
    pub fn into_receipt(self) -> Receipt {
        Receipt::new(self.estimate, self.decision.charged_at())
    }

    /// Gives the whole estimate back.
    ///
    /// # Errors
    ///
    /// As [`settle`](Reservation::settle).
    pub async fn cancel(self) -> Result<Decision, Error> {
        self.settle(Cost::ZERO).await
    }
}
