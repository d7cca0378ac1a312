//! What a check of a subject allocates that the memory store knows: nothing under one limit, the
//! list of their statuses under several.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::alloc::System;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fastlimit::{Decision, Error, MemoryStore, Policy, RateLimiter};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CHECKS: usize = 1_000;

fn at_once(check: impl Future<Output = Result<Decision, Error>>) -> Decision {
    match pin!(check).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(decision) => decision.unwrap(),
        Poll::Pending => unreachable!("the memory store answers at once"),
    }
}

// One test, since the allocator counts what any thread of this program allocates.
#[test]
fn a_check_of_a_known_subject_allocates_no_more_than_its_answer() {
    for (limits, allowed, expected) in [
        ("1_000_000/hour", true, 0),
        ("1/hour", false, 0),
        ("1_000_000/hour sliding-window", true, 0),
        ("1/hour sliding-window", false, 0),
        ("1_000_000/hour token-bucket", true, 0),
        ("1/hour token-bucket", false, 0),
        ("1_000_000/minute; 1_000_000/hour; 1_000_000/day", true, 1),
        ("1_000_000/minute; 1/hour; 1_000_000/day", false, 1),
    ] {
        let limiter = RateLimiter::new(MemoryStore::new());
        let policy = Policy::new("users", limits).unwrap();
        let identifiers: Vec<String> = (0..100).map(|user| format!("user:{user}")).collect();
        for identifier in &identifiers {
            assert!(at_once(limiter.check(identifier, &policy)).is_allowed());
        }
        let region = Region::new(ALLOCATOR);
        for identifier in identifiers.iter().cycle().take(CHECKS) {
            let decision = at_once(limiter.check(identifier, &policy));
            assert_eq!(decision.is_allowed(), allowed, "{limits}");
        }
        let change = region.change();
        let allocated = change.allocations + change.reallocations;
        assert_eq!(allocated, expected * CHECKS, "{limits}");
    }
}
