use fastlimit_core::{Decision, Policy};
use smallvec::SmallVec;

use crate::headers::Rank;

/// What one request was charged under one policy, as its response shows it: a policy and the
/// decision under it. A request with several subjects has one for each.
///
/// ```
/// use fastlimit::RateLimitStatus;
///
/// async fn handler(status: RateLimitStatus) -> String {
///     let charges = status.charges().iter().map(|charged| {
///         let (policy, left) = (charged.policy().name(), charged.decision().remaining());
///         format!("{left} left of {policy}")
///     });
///     charges.collect::<Vec<_>>().join(", ")
/// }
/// # let _ = handler;
/// ```
#[derive(Clone, Debug)]
pub struct Charged {
    policy: Policy,
    decision: Decision,
    /// The subject under a key that only the service knows. Boxed, since it is rare.
    partition_key: Option<Box<[u8; 16]>>,
}

/// What one request was charged; mostly under one policy.
pub(crate) type Charges = SmallVec<[Charged; 1]>;

impl Charged {
    #[inline]
    pub(crate) fn new(policy: Policy, decision: Decision, partition_key: Option<[u8; 16]>) -> Self {
        Self {
            policy,
            decision,
            partition_key: partition_key.map(Box::new),
        }
    }

    /// Returns the policy.
    #[inline]
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the decision, which has a status for each limit of the policy. A denied one charged
    /// nothing.
    #[inline]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns the `pk` of draft 11.
    pub(crate) fn partition_key(&self) -> Option<&[u8; 16]> {
        self.partition_key.as_deref()
    }

    /// Shows the decision that corrected the charge.
    pub(crate) fn correct(&mut self, decision: Decision) {
        self.decision = decision;
    }
}

/// The strictest: a client that minds it minds the others as well. The first of equals.
#[inline]
pub(crate) fn binding(charges: &[Charged]) -> Option<&Charged> {
    match charges {
        [only] => Some(only),
        several => several
            .iter()
            .min_by_key(|charged| Rank::of(charged.decision())),
    }
}
