//! The step that the layer and the extractor share.

use fastlimit_core::{Cost, Decision, Policy, RateLimiter};

use crate::Rejection;

/// What one request is charged, and to whom.
pub(crate) struct Charge {
    pub(crate) policy: Policy,
    pub(crate) key: String,
    pub(crate) tenant: Option<String>,
    pub(crate) cost: Cost,
}

impl Charge {
    /// Charges the limiter; an `Ok` is a decision that allows the request.
    pub(crate) async fn to(&self, limiter: &RateLimiter) -> Result<Decision, Rejection> {
        if !self.policy.is_named() {
            return Err(Rejection::UnnamedPolicy(self.policy.clone()));
        }
        let mut request = limiter.request(&self.key).cost(self.cost);
        if let Some(tenant) = &self.tenant {
            request = request.tenant(tenant);
        }
        let decision = request.check(&self.policy).await.map_err(|error| {
            let policy = self.policy.name();
            tracing::warn!(policy, %error, "a request could not be checked against its limit");
            Rejection::Store(error)
        })?;
        if decision.is_allowed() {
            return Ok(decision);
        }
        // The other arm cannot be reached.
        decision
            .into_result()
            .map(|allowed| allowed.decision().clone())
            .map_err(Rejection::Denied)
    }
}
