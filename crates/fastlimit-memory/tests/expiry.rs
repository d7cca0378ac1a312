//! State that is as good as absent is dropped by itself, and live state never is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a test is a failed test"
)]

use std::time::Duration;

use fastlimit_core::store::Key;
use fastlimit_core::{ManualClock, Policy, RateLimiter, Timestamp};
use fastlimit_memory::MemoryStore;

#[tokio::test]
async fn calls_drop_what_has_expired_and_nothing_else() {
    let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let limiter = RateLimiter::new(store.clone());
    let (short, long) = (
        Policy::new("short", "10/second").unwrap(),
        Policy::new("long", "10/day").unwrap(),
    );
    for subject in 0..10_000 {
        let identifier = subject.to_string();
        let policy = if subject % 10 == 0 { &long } else { &short };
        assert!(
            limiter
                .check(&identifier, policy)
                .await
                .unwrap()
                .is_allowed()
        );
    }
    assert_eq!(store.len(), 10_000);

    // The windows are over; so is the grace, a second later.
    clock.advance(Duration::from_millis(2_001));
    for _ in 0..400_000 {
        let _ = limiter.check("0", &long).await.unwrap();
    }
    assert!(store.len() < 1_050, "{} are left", store.len());
    for subject in (0..10_000).step_by(10) {
        let identifier = subject.to_string();
        let usage = limiter.request(&identifier).usage(&long).await.unwrap();
        let expected = if subject == 0 { 0 } else { 9 };
        assert_eq!(usage.remaining(), expected, "{subject}");
    }
}

#[tokio::test]
async fn newcomers_do_not_pile_up() {
    let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let limiter = RateLimiter::new(store.clone());
    let policy = Policy::new("short", "10/second").unwrap();
    let mut most = 0;
    // A thousand newcomers each second: at most three seconds' worth is alive or in grace.
    for second in 0..200 {
        for newcomer in 0..1_000 {
            let identifier = format!("{second}:{newcomer}");
            let _ = limiter.check(&identifier, &policy).await.unwrap();
        }
        most = most.max(store.len());
        clock.advance(Duration::from_secs(1));
    }
    println!("{most} at once");
    assert!(most < 6_000, "{most} at once");
}

#[tokio::test]
async fn the_grace_keeps_what_a_clock_that_steps_back_needs() {
    let clock = ManualClock::new(Timestamp::from_millis(60_000));
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let limiter = RateLimiter::new(store.clone());
    let policy = Policy::new("minute", "1/minute").unwrap();
    assert!(limiter.check("a", &policy).await.unwrap().is_allowed());
    clock.advance(Duration::from_millis(119_999));
    let other = Policy::new("other", "1/day").unwrap();
    for subject in 0..1_000 {
        let _ = limiter.check(&subject.to_string(), &other).await.unwrap();
    }
    assert!(
        store
            .entry(&Key::new("fl", "minute", "default", "a"))
            .is_some()
    );
    clock.step_back(Duration::from_millis(60_000));
    assert!(limiter.check("a", &policy).await.unwrap().is_denied());
}
