//! `X-RateLimit-*` with the reset as a point in time, in seconds since the Unix epoch.

use axum::http::header::HeaderMap;

use super::shown::Shown;
use super::three_fields;
use crate::Charged;

use super::x_ratelimit::FIELDS;
pub(super) use super::x_ratelimit::NAMES;

pub(super) fn write(charges: &[Charged], fields: &mut HeaderMap) {
    if let Some(shown) = Shown::of(charges) {
        let reset = shown.now.saturating_add(shown.reset);
        // Rounded once, as a whole: never before the moment itself.
        let reset = reset.as_millis().div_ceil(1_000);
        three_fields::write(FIELDS, [shown.limit, shown.remaining, reset], fields);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fastlimit_core::{Cost, Decision, LimitStatus, Policy, Timestamp};

    use super::*;

    #[test]
    fn the_reset_is_never_before_the_moment() {
        let policy = Policy::new("users", "5/second").unwrap();
        for (now, reset_after, shown) in [(0, 0, 0), (500, 500, 1), (500, 501, 2), (999, 1, 1)] {
            let now = Timestamp::from_millis(now);
            let reset_after = Duration::from_millis(reset_after);
            let status = LimitStatus::allowed(policy.limits()[0], Cost::ONE, reset_after);
            let decision = Decision::new(now, now, [status]);
            let mut fields = HeaderMap::new();
            write(&[Charged::new(policy.clone(), decision, None)], &mut fields);
            assert_eq!(fields["x-ratelimit-reset"], shown.to_string());
        }
    }
}
