//! What a decision adds to a response.

use std::time::Duration;

use axum::http::header::{Entry, HeaderMap, HeaderName, RETRY_AFTER};
use axum::http::{Extensions, HeaderValue};
use axum::response::Response;
use fastlimit_core::{Cost, Decision, Exceeded, LimitStatus};

use crate::decimal;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What the headers show of a decision, which is much larger.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    rank: Rank,
    limit: HeaderValue,
    /// In seconds.
    reset: u64,
}

/// How strict a decision is, the stricter first: a client that minds it minds the other as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// A denial comes first.
    allowed: bool,
    remaining: Cost,
}

/// Where a decision's headers belong on a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: the response shows a stricter one.
    Nowhere,
    /// Over those of a less strict one.
    Over,
    /// On a response that shows no decision. Headers that its handler set stay.
    Empty,
}

impl Shown {
    pub(crate) fn of(decision: &Decision) -> Self {
        Self::new(decision, decimal::value)
    }

    /// `limit` writes the requests of the limit.
    #[inline]
    pub(crate) fn new(decision: &Decision, limit: impl FnOnce(u64) -> HeaderValue) -> Self {
        let binding = decision.binding();
        Self {
            rank: Rank::new(decision, &binding),
            limit: limit(binding.limit().capacity().whole_requests()),
            reset: seconds(binding.reset_after()),
        }
    }

    /// Returns where the headers belong, by the [`Decision`] in the response's extensions: the
    /// one that its headers show.
    pub(crate) fn place(&self, extensions: &Extensions) -> Place {
        let shown = extensions.get::<Decision>();
        match shown.map(|other| Rank::new(other, &other.binding())) {
            Some(other) if self.rank < other => Place::Over,
            // Of equals, neither is over the other.
            Some(_) => Place::Nowhere,
            None => Place::Empty,
        }
    }

    /// Writes the headers, and tells whether they had a place.
    pub(crate) fn write(self, place: Place, headers: &mut HeaderMap) -> bool {
        let name = LIMIT;
        let is_free = match place {
            Place::Nowhere => false,
            Place::Over => true,
            // Cheaper than an entry, which is large to move from its look-up to its insertion.
            Place::Empty => headers.keys().all(|other| *other != name),
        };
        // An error means that the map is full, so that there is no place either.
        if !is_free || headers.try_insert(name, self.limit).is_err() {
            return false;
        }
        let remaining = self.rank.remaining.whole_requests();
        let _ = headers.try_insert(REMAINING, decimal::value(remaining));
        let _ = headers.try_insert(RESET, decimal::value(self.reset));
        true
    }
}

impl Rank {
    #[inline]
    fn new(decision: &Decision, binding: &LimitStatus) -> Self {
        Self {
            allowed: decision.is_allowed(),
            remaining: binding.remaining_cost(),
        }
    }
}

/// Shows a denial in the headers of its response, and says when to come back.
pub(crate) fn show_denial(exceeded: &Exceeded, response: &mut Response) {
    if let Some(seconds) = exceeded.retry_after_seconds()
        && let Ok(Entry::Vacant(retry_after)) = response.headers_mut().try_entry(RETRY_AFTER)
    {
        let _ = retry_after.try_insert(decimal::value(seconds));
    }
    let decision = exceeded.decision();
    let shown = Shown::of(decision);
    let place = shown.place(response.extensions());
    if shown.write(place, response.headers_mut()) {
        response.extensions_mut().insert(decision.clone());
    }
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
