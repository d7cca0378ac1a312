use crate::{Cost, Timestamp};

/// What proves a charge, so that it can be given back: how much was charged, and when; from
/// [`Reservation::into_receipt`](crate::Reservation::into_receipt).
///
/// It is given back under the identifier, the tenant and the policy that it was charged to, by
/// [`RequestBuilder::refund`](crate::RequestBuilder::refund), which takes it: there is no copy of a
/// receipt, and none of a denied request. With the feature `serde` it can be written down, for another
/// process or a later day. Give it back once.
///
/// ```
/// use fastlimit::{Cost, MemoryStore, Policy, RateLimiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let limiter = RateLimiter::new(MemoryStore::new());
/// let orders = Policy::new("orders", "10/day")?;
/// let request = limiter.request("user:42");
///
/// let receipt = request.reserve(Cost::ONE, &orders).await??.into_receipt();
/// assert_eq!(receipt.cost(), Cost::ONE);
/// assert_eq!(request.usage(&orders).await?.remaining(), 9);
/// // The order is called off, hours later.
/// assert_eq!(request.refund(receipt, &orders).await?.remaining(), 10);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "without its receipt a charge cannot be given back"]
pub struct Receipt {
    cost: Cost,
    charged_at: Timestamp,
}

impl Receipt {
    pub(crate) fn new(cost: Cost, charged_at: Timestamp) -> Self {
        Self { cost, charged_at }
    }

    /// Returns what was charged.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Returns when it was charged, by the store's clock.
    #[must_use]
    pub fn charged_at(&self) -> Timestamp {
        self.charged_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reservation;

    /// Has one implementation for each type, and two for one that can be cloned, between which a
    /// call could not choose.
    trait NotClone<Which> {
        fn is_not_clone() {}
    }
    impl<T> NotClone<()> for T {}
    impl<T: Clone> NotClone<u8> for T {}

    #[test]
    fn what_is_given_back_cannot_be_copied() {
        <Receipt as NotClone<_>>::is_not_clone();
        <Reservation as NotClone<_>>::is_not_clone();
    }
}
