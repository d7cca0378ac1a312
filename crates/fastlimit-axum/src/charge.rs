//! The step that the layer and the extractor share.

use fastlimit_core::{Allowed, Check, Cost, Decision, Error, Policy, RateLimiter};

use crate::Rejection;

/// What one request is charged, and to whom.
#[derive(Clone, Copy)]
pub(crate) struct Charge<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) key: &'a str,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) cost: Cost,
}

impl<'a> Charge<'a> {
    /// Charges the limiter; an `Ok` is a decision that allows the request.
    pub(crate) async fn to(self, limiter: &RateLimiter) -> Result<Decision, Rejection> {
        let result = self.check(limiter)?.await;
        self.judge(result)
    }

    /// Does what [`to`](Charge::to) does, or nothing if the store may have to wait: `None`.
    #[inline]
    pub(crate) fn at_once(self, limiter: &RateLimiter) -> Option<Result<Decision, Rejection>> {
        match self.check(limiter) {
            Ok(check) => Some(self.judge(check.at_once().ok()?)),
            Err(rejection) => Some(Err(rejection)),
        }
    }

    #[inline]
    fn check(self, limiter: &'a RateLimiter) -> Result<Check<'a>, Rejection> {
        if !self.policy.is_named() {
            return Err(Rejection::UnnamedPolicy(self.policy.clone()));
        }
        let mut request = limiter.request(self.key).cost(self.cost);
        if let Some(tenant) = self.tenant {
            request = request.tenant(tenant);
        }
        Ok(request.check(self.policy))
    }

    #[inline]
    fn judge(self, result: Result<Decision, Error>) -> Result<Decision, Rejection> {
        match result {
            Ok(decision) if decision.is_allowed() => Ok(decision),
            result => self.reject(result),
        }
    }

    /// Tells why a request is not let through.
    #[cold]
    fn reject(self, result: Result<Decision, Error>) -> Result<Decision, Rejection> {
        let decision = result.map_err(|error| {
            let policy = self.policy.name();
            tracing::warn!(policy, %error, "a request could not be checked against its limit");
            Rejection::Store(error)
        })?;
        // A decision that comes here is a denial.
        decision
            .into_result()
            .map(Allowed::into_decision)
            .map_err(Rejection::Denied)
    }
}
