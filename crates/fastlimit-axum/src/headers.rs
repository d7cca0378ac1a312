//! What a decision adds to a response.

use std::time::Duration;

use axum::http::header::{Entry, HeaderMap, HeaderName, RETRY_AFTER};
use axum::http::{Extensions, HeaderValue};
use axum::response::Response;
use fastlimit_core::{Decision, Exceeded};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Shows a decision in the headers of a response.
pub(crate) fn show(decision: Decision, response: &mut Response) {
    if may_show(&decision, response.headers(), response.extensions()) {
        write(&decision, response.headers_mut());
        response.extensions_mut().insert(decision);
    }
}

/// Does what [`show`] does, and says when to come back.
pub(crate) fn show_denial(exceeded: &Exceeded, response: &mut Response) {
    if let Some(seconds) = exceeded.retry_after_seconds()
        && let Entry::Vacant(retry_after) = response.headers_mut().entry(RETRY_AFTER)
    {
        retry_after.insert(HeaderValue::from(seconds));
    }
    show(exceeded.decision().clone(), response);
}

/// Tells whether a decision's headers belong on a response: not if it shows a stricter one
/// already, nor if its handler set `X-RateLimit-Limit` itself.
///
/// What the headers show stands in the extensions, as a [`Decision`].
pub(crate) fn may_show(decision: &Decision, headers: &HeaderMap, extensions: &Extensions) -> bool {
    match extensions.get::<Decision>() {
        Some(shown) => is_stricter(decision, shown),
        None => !headers.contains_key(LIMIT),
    }
}

pub(crate) fn write(decision: &Decision, headers: &mut HeaderMap) {
    let binding = decision.binding();
    let limit = binding.limit().capacity().whole_requests();
    headers.insert(LIMIT, HeaderValue::from(limit));
    headers.insert(REMAINING, HeaderValue::from(binding.remaining()));
    headers.insert(RESET, HeaderValue::from(seconds(binding.reset_after())));
}

/// Tells whether a client that minds `decision` minds `other` as well. Of equals, neither is.
fn is_stricter(decision: &Decision, other: &Decision) -> bool {
    // A denial sorts first.
    let rank = |decision: &Decision| (decision.is_allowed(), decision.binding().remaining_cost());
    rank(decision) < rank(other)
}

/// Whole seconds, rounded up.
fn seconds(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, expected) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
        assert_eq!(seconds(Duration::MAX), u64::MAX);
    }
}
