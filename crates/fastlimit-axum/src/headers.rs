//! What a decision adds to a response.

use std::time::Duration;

use axum::http::Extensions;
use axum::http::header::{Entry, HeaderMap, HeaderName, RETRY_AFTER};
use axum::response::Response;
use fastlimit_core::{Decision, Exceeded};

use crate::decimal;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Shows a decision in the headers of a response.
pub(crate) fn show(decision: Decision, response: &mut Response) {
    let place = place(&decision, response.extensions());
    if write(&decision, place, response.headers_mut()) {
        response.extensions_mut().insert(decision);
    }
}

/// Does what [`show`] does, and says when to come back.
pub(crate) fn show_denial(exceeded: &Exceeded, response: &mut Response) {
    if let Some(seconds) = exceeded.retry_after_seconds()
        && let Ok(Entry::Vacant(retry_after)) = response.headers_mut().try_entry(RETRY_AFTER)
    {
        let _ = retry_after.try_insert(decimal::value(seconds));
    }
    show(exceeded.decision().clone(), response);
}

/// Where a decision's headers belong on a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Nowhere: the response shows a stricter one.
    Nowhere,
    /// Over those of a less strict one.
    Over,
    /// On a response that shows no decision. Headers that its handler set stay.
    Empty,
}

/// Returns where a decision's headers belong, by the [`Decision`] in the response's extensions:
/// the one that its headers show.
pub(crate) fn place(decision: &Decision, extensions: &Extensions) -> Place {
    match extensions.get::<Decision>() {
        Some(shown) if is_stricter(decision, shown) => Place::Over,
        Some(_) => Place::Nowhere,
        None => Place::Empty,
    }
}

/// Writes a decision's headers, and tells whether they had a place.
pub(crate) fn write(decision: &Decision, place: Place, headers: &mut HeaderMap) -> bool {
    if matches!(place, Place::Nowhere) {
        return false;
    }
    let binding = decision.binding();
    let limit = || decimal::value(binding.limit().capacity().whole_requests());
    // An error means that the map is full, so that there is no place either.
    let written = match (headers.try_entry(LIMIT), place) {
        (Ok(Entry::Vacant(entry)), _) => entry.try_insert(limit()).is_ok(),
        (Ok(Entry::Occupied(mut entry)), Place::Over) => {
            entry.insert(limit());
            true
        }
        (Ok(Entry::Occupied(_)) | Err(_), _) => false,
    };
    if written {
        let reset = seconds(binding.reset_after());
        let _ = headers.try_insert(REMAINING, decimal::value(binding.remaining()));
        let _ = headers.try_insert(RESET, decimal::value(reset));
    }
    written
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
