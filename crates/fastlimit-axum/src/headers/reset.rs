use std::time::Duration;

use fastlimit_core::LimitStatus;

/// Returns the time within which a client can use no more than what is left of a limit: `t` of
/// the drafts, and every other family's reset.
///
/// While a whole request is left, that is the time until the limit is as good as new. Once none
/// is, the client waits until a request of the same cost passes, and for nothing more; so does one
/// that is denied.
#[inline]
pub(super) fn reset(limit: &LimitStatus) -> Duration {
    let next = match limit.is_allowed() && limit.remaining() > 0 {
        true => None,
        false => limit.next_after(),
    };
    // Where the next never passes, too.
    next.unwrap_or(limit.reset_after())
}

#[cfg(test)]
mod tests {
    use fastlimit_core::Cost;

    use super::*;

    #[test]
    fn who_has_nothing_left_waits_for_the_next_request_alone() {
        let limit = "10/minute token-bucket".parse().unwrap();
        let seconds = Duration::from_secs;
        let allowed = |milli, next: Option<u64>| {
            LimitStatus::allowed(limit, Cost::milli(milli), seconds(60))
                .with_next_after(next.map(seconds))
        };
        let denied = |milli, wait: Option<u64>| {
            LimitStatus::denied(limit, Cost::milli(milli), seconds(60), wait.map(seconds))
        };
        for (status, expected) in [
            (allowed(1_000, Some(0)), 60),
            (allowed(1_000, Some(6)), 60),
            (allowed(999, Some(6)), 6),
            (allowed(0, Some(6)), 6),
            (allowed(500, Some(0)), 0), // the next of half a request passes at once
            (allowed(0, None), 60),
            (denied(0, Some(6)), 6),
            (denied(5_000, Some(6)), 6),
            (denied(0, None), 60),
        ] {
            assert_eq!(reset(&status), seconds(expected), "{status:?}");
        }
    }
}
