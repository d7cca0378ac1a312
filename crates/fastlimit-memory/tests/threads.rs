//! Exact under threads, and an answer at the first poll.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a test is a failed test"
)]

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fastlimit_core::store::{Key, Operation, Reply, Request};
use fastlimit_core::{Cost, Decision, Limit, ManualClock, RateLimiter, Store};
use fastlimit_memory::MemoryStore;

fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("expected an answer at the first poll"),
    }
}

#[test]
fn admits_exactly_the_capacity_without_gap_or_double() {
    let store = MemoryStore::builder().clock(ManualClock::default()).build();
    let limiter = RateLimiter::new(store);
    let limit: Limit = "1000/hour".parse().unwrap();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let limiter = limiter.clone();
            std::thread::spawn(move || {
                (0..500)
                    .map(|_| at_once(limiter.check("hot", limit)).unwrap())
                    .filter(Decision::is_allowed)
                    .map(|decision| decision.remaining())
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let remaining: Vec<u64> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(remaining.len(), 1_000);
    assert_eq!(
        remaining.into_iter().collect::<BTreeSet<_>>(),
        (0..1_000).collect()
    );
}

#[test]
fn answers_at_once_and_without_a_box() {
    let store = MemoryStore::new();
    let limit: Limit = "1/hour".parse().unwrap();
    let key = Key::new("fl", "p", "t", "i");
    for operation in [Operation::Check(Cost::ONE), Operation::Reset] {
        let reply = store.apply(&Request::new(key, limit, operation));
        assert!(matches!(reply, Reply::Ready(Ok(_))));
    }
}
