//! A full store: what is denied stays denied, and newcomers do not get more than one subject
//! has.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a test is a failed test"
)]

use std::time::Duration;

use fastlimit_core::store::Key;
use fastlimit_core::{Cost, ManualClock, Policy, RateLimiter, Timestamp};
use fastlimit_memory::MemoryStore;

struct Full {
    clock: ManualClock,
    store: MemoryStore,
    limiter: RateLimiter,
    policy: Policy,
}

impl Full {
    /// A store for `subjects`, on a clock that stands still.
    fn new(subjects: usize) -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
        let store = MemoryStore::builder()
            .clock(clock.clone())
            .max_subjects(subjects)
            .build();
        Self {
            limiter: RateLimiter::new(store.clone()),
            policy: Policy::new("users", "10/hour").unwrap(),
            clock,
            store,
        }
    }

    async fn charge(&self, identifier: &str, requests: u64) -> bool {
        self.limiter
            .request(identifier)
            .cost(Cost::requests(requests))
            .check(&self.policy)
            .await
            .unwrap()
            .is_allowed()
    }
}

#[tokio::test]
async fn a_million_newcomers_free_nobody_who_is_denied() {
    const DENIED: usize = 1_000;
    let full = Full::new(DENIED);
    for subject in 0..DENIED {
        assert!(full.charge(&format!("denied:{subject}"), 10).await);
    }
    let mut admitted = 0;
    for newcomer in 0..1_000_000 {
        admitted += u32::from(full.charge(&format!("new:{newcomer}"), 1).await);
    }
    // All of them together have what one subject has.
    assert_eq!(admitted, 10);
    for subject in 0..DENIED {
        assert!(
            !full.charge(&format!("denied:{subject}"), 1).await,
            "{subject}"
        );
    }
    assert_eq!(full.store.len(), DENIED);
}

#[tokio::test]
async fn one_protected_subject_among_many_is_never_evicted() {
    let full = Full::new(100);
    assert!(full.charge("denied", 10).await);
    // Less than one request left protects, too.
    let request = full.limiter.request("nearly").cost(Cost::milli(9_001));
    assert!(request.check(&full.policy).await.unwrap().is_allowed());
    for newcomer in 0..20_000 {
        assert!(full.charge(&format!("new:{newcomer}"), 1).await);
        assert!(full.store.len() <= 100);
    }
    assert!(!full.charge("denied", 1).await);
    assert!(!full.charge("nearly", 1).await);
}

/// How many of `subjects` subjects named after `name` the store holds.
fn held(full: &Full, policy: &str, name: &str, subjects: usize) -> usize {
    (0..subjects)
        .map(|subject| format!("{name}:{subject}"))
        .filter(|identifier| {
            let key = Key::new("fl", policy, "default", identifier);
            full.store.entry(&key).is_some()
        })
        .count()
}

#[tokio::test]
async fn the_expired_go_first_and_those_that_used_least_go_next() {
    let full = Full::new(2_000);
    let short = Policy::new("short", "10/second").unwrap();
    for subject in 0..1_000 {
        let identifier = format!("short:{subject}");
        let decision = full.limiter.check(&identifier, &short).await.unwrap();
        assert!(decision.is_allowed());
        assert!(full.charge(&format!("long:{subject}"), 5).await);
    }
    full.clock.advance(Duration::from_secs(3));
    for newcomer in 0..300 {
        assert!(full.charge(&format!("new:{newcomer}"), 2).await);
    }
    // Each newcomer saw two dozen others, of whom a third or more had expired.
    let (live, new) = (
        held(&full, "users", "long", 1_000),
        held(&full, "users", "new", 300),
    );
    assert!(live >= 995, "{live} of 1,000 with a live window are left");
    assert!(new >= 295, "{new} of 300 newcomers are left");
    let expired = held(&full, "short", "short", 1_000);
    assert!(expired <= 710, "{expired} of 1,000 that expired are left");

    // Once the expired are gone, those that used least go.
    for newcomer in 0..800 {
        assert!(full.charge(&format!("late:{newcomer}"), 9).await);
    }
    let live = held(&full, "users", "long", 1_000);
    let (light, heavy) = (
        held(&full, "users", "new", 300),
        held(&full, "users", "late", 800),
    );
    assert!(heavy >= 790, "{heavy} of 800 that used most are left");
    assert!(live >= 900, "{live} of 1,000 that used more are left");
    assert!(light <= 250, "{light} of 300 that used least are left");
}

#[tokio::test]
async fn a_smallest_store_protects_its_one_subject() {
    let full = Full::new(1);
    assert!(full.charge("only", 10).await);
    assert!(full.charge("other", 4).await);
    // The rest shares what is left in the overflow entry.
    assert!(full.charge("third", 6).await);
    assert!(!full.charge("fourth", 1).await);
    assert!(!full.charge("only", 1).await);
    // Policies do not share it.
    let policy = Policy::new("others", "10/hour").unwrap();
    assert!(
        full.limiter
            .check("fourth", &policy)
            .await
            .unwrap()
            .is_allowed()
    );
    // When the window is over, there is room.
    full.clock.advance(Duration::from_secs(3_600));
    assert!(full.charge("fourth", 10).await);
    assert!(!full.charge("fourth", 1).await);
}

#[tokio::test]
async fn a_full_store_peeks_as_it_would_check_and_makes_no_room_for_it() {
    let full = Full::new(2);
    assert!(full.charge("a", 10).await);
    assert!(full.charge("b", 1).await);
    // `b` could go, so a newcomer would have a limit of its own.
    let usage = full
        .limiter
        .request("new")
        .usage(&full.policy)
        .await
        .unwrap();
    assert_eq!(usage.remaining(), 10);
    let usage = full.limiter.request("b").usage(&full.policy).await.unwrap();
    assert_eq!(usage.remaining(), 9);
    assert!(full.charge("b", 9).await);
    // Now nobody could.
    assert!(full.charge("new", 3).await);
    let peek = full
        .limiter
        .request("newer")
        .peek(&full.policy)
        .await
        .unwrap();
    assert_eq!(peek.remaining(), 6);
    // Whom the store does not know, it cannot reset at the cost of the others.
    let _ = full
        .limiter
        .request("newer")
        .reset(&full.policy)
        .await
        .unwrap();
    let usage = full
        .limiter
        .request("newer")
        .usage(&full.policy)
        .await
        .unwrap();
    assert_eq!(usage.remaining(), 7);
    // A reset makes room.
    let _ = full.limiter.request("a").reset(&full.policy).await.unwrap();
    assert_eq!(full.store.len(), 1);
    assert!(full.charge("newer", 10).await);
    assert!(!full.charge("a", 10).await);
}

#[test]
fn the_bound_holds_under_threads() {
    let full = Full::new(300);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let full = &full;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    for newcomer in 0..5_000 {
                        let _ = full
                            .charge(&format!("{}", newcomer % 700 + thread), 1)
                            .await;
                        assert!(full.store.len() <= 300);
                    }
                });
            });
        }
    });
    assert_eq!(full.store.len(), 300);
}
