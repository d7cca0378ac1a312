use axum::http::HeaderValue;
use fastlimit_core::Policy;

use crate::decimal;
use crate::hook::Hook;

/// What `X-RateLimit-Limit` may show under a policy that is the same for every request. Such a
/// value is cheaper to clone than to write.
#[derive(Clone)]
pub(super) struct LimitValues(Vec<(u64, HeaderValue)>);

impl LimitValues {
    /// None are known if the policy depends on the request.
    pub(super) fn of(policy: &Hook<Policy>) -> Self {
        let limits = policy.value().map(Policy::limits).unwrap_or_default();
        let requests = limits.iter().map(|limit| limit.capacity().whole_requests());
        Self(
            requests
                .map(|requests| (requests, decimal::value(requests)))
                .collect(),
        )
    }

    /// Returns a limit of so many requests.
    #[inline]
    pub(super) fn get(&self, requests: u64) -> HeaderValue {
        match self.0.iter().find(|(known, _)| *known == requests) {
            Some((_, value)) => value.clone(),
            None => decimal::value(requests),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::IntoHook;

    #[test]
    fn each_limit_is_written_whether_it_is_known_or_not() {
        let policy = Policy::new("users", "5/second; 100_000/day").unwrap();
        for values in [
            LimitValues::of(&policy.clone().into_hook()),
            LimitValues::of(&(move |_: &axum::http::request::Parts| policy.clone()).into_hook()),
        ] {
            for requests in [5, 100_000, 7, 70_000] {
                assert_eq!(values.get(requests), requests.to_string());
            }
        }
    }
}
