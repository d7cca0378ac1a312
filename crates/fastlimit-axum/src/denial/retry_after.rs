use std::time::Duration;

use axum::http::header::{Entry, HeaderMap, RETRY_AFTER};
use fastlimit_core::Decision;

use crate::headers::{decimal, seconds};

/// Returns the seconds after which a denied request passes, as `Retry-After` (RFC 9110) shows
/// them: rounded up, at least 1. `None` if it never will, since it costs more than a limit's
/// capacity.
pub(crate) fn retry_after(refused: &Decision, jitter: Duration) -> Option<u64> {
    Some(jittered_seconds(refused.retry_after()?, jitter))
}

/// Returns a wait in seconds.
///
/// Clients that are told the same moment come back together, so `jitter` adds a random time up to
/// that one; never less than nothing, since who comes early is denied again.
pub(crate) fn jittered_seconds(wait: Duration, jitter: Duration) -> u64 {
    let wait = wait.saturating_add(random_up_to(jitter));
    seconds::rounded_up(wait).max(1)
}

fn random_up_to(bound: Duration) -> Duration {
    let millis = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0 => Duration::ZERO,
        _ => Duration::from_millis(fastrand::u64(0..=millis)),
    }
}

/// Says when to come back, unless the response says that itself.
pub(crate) fn set_retry_after(seconds: Option<u64>, fields: &mut HeaderMap) {
    if let Some(seconds) = seconds
        && let Ok(Entry::Vacant(retry_after)) = fields.try_entry(RETRY_AFTER)
    {
        // A map that is full goes without.
        let _ = retry_after.try_insert(decimal::value(seconds));
    }
}

#[cfg(test)]
mod tests {
    use fastlimit_core::{Cost, Limit, LimitStatus, Timestamp};

    use super::*;

    /// Denied for so many milliseconds, or for ever.
    fn denied(wait: Option<u64>) -> Decision {
        let limit: Limit = "5/second".parse().unwrap();
        let wait = wait.map(Duration::from_millis);
        let status = LimitStatus::denied(limit, Cost::ZERO, Duration::ZERO, wait);
        Decision::new(Timestamp::EPOCH, Timestamp::EPOCH, [status])
    }

    #[test]
    fn a_wait_is_in_whole_seconds() {
        for (wait, expected) in [
            (Some(0), Some(1)),
            (Some(1), Some(1)),
            (Some(1_000), Some(1)),
            (Some(1_001), Some(2)),
            (None, None),
        ] {
            assert_eq!(retry_after(&denied(wait), Duration::ZERO), expected);
        }
    }

    #[test]
    fn jitter_only_adds() {
        let refused = denied(Some(5_000));
        let waits: Vec<_> = (0..1_000)
            .filter_map(|_| retry_after(&refused, Duration::from_secs(10)))
            .collect();
        assert_eq!(waits.len(), 1_000);
        assert!(waits.iter().all(|wait| (5..=15).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 8) && waits.iter().any(|wait| *wait > 12));
        assert_eq!(retry_after(&denied(None), Duration::from_secs(10)), None);
        assert!(retry_after(&refused, Duration::MAX).is_some());
    }
}
