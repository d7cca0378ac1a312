use std::time::Duration;

use fastlimit_core::{Algorithm, Limit, Policy, Rate};

use super::Scene;
use crate::Violation;

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// The greatest number that a limit of an algorithm may have.
pub(crate) fn most_requests(algorithm: Algorithm) -> u32 {
    match algorithm {
        Algorithm::SlidingLog => Limit::MAX_LOG_REQUESTS,
        _ => Rate::MAX_REQUESTS,
    }
}

impl Scene {
    /// The greatest number that a limit of the scene's algorithm may have.
    pub(crate) fn most_requests(&self) -> u32 {
        most_requests(self.algorithm())
    }

    /// A limit of the scene's algorithm; the burst of a bucket is the number of its rate.
    pub(crate) fn limit(&self, requests: u32, period: Duration) -> Result<Limit, Violation> {
        self.limit_of(self.algorithm(), requests, period)
    }

    pub(crate) fn limit_of(
        &self,
        algorithm: Algorithm,
        requests: u32,
        period: Duration,
    ) -> Result<Limit, Violation> {
        Rate::new(requests, period)
            .map_err(fastlimit_core::Error::from)
            .and_then(|rate| Ok(Limit::new(rate, algorithm)?))
            .map_err(|error| self.violation("building a limit", "a limit", error))
    }

    /// A token bucket.
    pub(crate) fn bucket(
        &self,
        requests: u32,
        period: Duration,
        burst: u32,
    ) -> Result<Limit, Violation> {
        Rate::new(requests, period)
            .map_err(fastlimit_core::Error::from)
            .and_then(|rate| Ok(Limit::token_bucket(rate, burst)?))
            .map_err(|error| self.violation("building a token bucket", "a limit", error))
    }

    /// Several limits of `(requests, period)` that hold together.
    pub(crate) fn policy(&self, limits: &[(u32, Duration)]) -> Result<Policy, Violation> {
        let limits = limits
            .iter()
            .map(|&(requests, period)| self.limit(requests, period))
            .collect::<Result<Vec<_>, _>>()?;
        self.policy_of(&limits)
    }

    pub(crate) fn policy_of(&self, limits: &[Limit]) -> Result<Policy, Violation> {
        Policy::new("law", limits)
            .map_err(|error| self.violation("building a policy", "a policy", error))
    }
}
