//! The system's clock is read coarsely where that answers as well, and answers as well.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::time::Duration;

use fastlimit_core::{Clock, Policy, RateLimiter, SystemClock};
use fastlimit_memory::MemoryStore;

#[tokio::test]
async fn whoever_waits_as_long_as_told_is_not_denied_for_a_tick_that_is_to_come() {
    let limiter = RateLimiter::new(MemoryStore::new());
    let policy = Policy::new("users", "1/second").unwrap();
    for round in 0..3 {
        while limiter.check("42", &policy).await.unwrap().is_allowed() {}
        let denied = limiter.check("42", &policy).await.unwrap();
        let Some(wait) = denied.retry_after() else {
            // The window ended between the two.
            continue;
        };
        std::thread::sleep(wait);
        let decision = limiter.check("42", &policy).await.unwrap();
        assert!(decision.is_allowed(), "{round}: {decision:?}");
    }
}

#[tokio::test]
async fn the_time_lags_by_a_tick_at_the_most() {
    let limiter = RateLimiter::new(MemoryStore::new());
    for (limits, lag) in [("1000000/second", 100), ("1000000/100ms", 0)] {
        let policy = Policy::new("users", limits).unwrap();
        for _ in 0..1_000 {
            let before = SystemClock.now();
            let now = limiter.check("42", &policy).await.unwrap().now();
            assert!(now.saturating_add(Duration::from_millis(lag)) >= before);
            assert!(now <= SystemClock.now());
        }
    }
}
