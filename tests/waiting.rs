//! Waiting until a request is allowed, on a clock that sleeping moves.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::cell::RefCell;
use std::future::ready;
use std::time::Duration;

use fastlimit::{Cost, ManualClock, MemoryStore, Policy, RateLimiter};

struct Rig {
    limiter: RateLimiter,
    clock: ManualClock,
    slept: RefCell<Vec<Duration>>,
}

impl Rig {
    fn new() -> Self {
        let clock = ManualClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self {
            limiter: RateLimiter::new(store),
            clock,
            slept: RefCell::new(Vec::new()),
        }
    }

    /// Waits for one request, and tells whether it was allowed.
    async fn wait(&self, policy: &Policy, cost: Cost, within: Duration) -> bool {
        let sleep = |time| {
            self.slept.borrow_mut().push(time);
            self.clock.advance(time);
            ready(())
        };
        let request = self.limiter.request("crawler").cost(cost);
        let decision = request.until_allowed(policy, within, sleep).await;
        decision.unwrap().is_allowed()
    }
}

#[tokio::test]
async fn sleeps_as_the_denial_says_and_never_less() {
    for algorithm in ["fixed-window", "sliding-window", "token-bucket"] {
        let rig = Rig::new();
        let policy = Policy::new("crawl", format!("1/second {algorithm}")).unwrap();
        for turn in 0..20 {
            let before = rig.slept.borrow().len();
            assert!(
                rig.wait(&policy, Cost::ONE, Duration::from_secs(5)).await,
                "{algorithm}"
            );
            let sleeps = rig.slept.borrow().len() - before;
            // One sleep suffices, since nobody else asks.
            assert_eq!(sleeps, usize::from(turn > 0), "{algorithm}");
        }
        for slept in rig.slept.borrow().iter() {
            assert!(
                *slept <= Duration::from_millis(2_200),
                "{algorithm}: {slept:?}"
            );
        }
    }
}

#[tokio::test]
async fn gives_up_at_once_when_the_wait_would_be_too_long() {
    let rig = Rig::new();
    let policy = Policy::new("crawl", "1/minute").unwrap();
    assert!(rig.wait(&policy, Cost::ONE, Duration::ZERO).await);
    assert!(!rig.wait(&policy, Cost::ONE, Duration::from_secs(59)).await);
    assert!(rig.slept.borrow().is_empty());
    // To the millisecond; the jitter does not pass it either.
    assert!(rig.wait(&policy, Cost::ONE, Duration::from_secs(60)).await);
    assert_eq!(*rig.slept.borrow(), [Duration::from_secs(60)]);
}

#[tokio::test]
async fn gives_up_at_once_when_waiting_never_helps() {
    let rig = Rig::new();
    let policy = Policy::new("crawl", "1/minute").unwrap();
    assert!(!rig.wait(&policy, Cost::requests(2), Duration::MAX).await);
    assert!(rig.slept.borrow().is_empty());
}
