use std::collections::HashSet;
use std::time::Duration;

use fastlimit_core::{ManualClock, Policy, RateLimiter};

use crate::MemoryStore;

/// Checks that each subject has one place and that the count is right; returns how many are in
/// the map, those included that were reset.
fn in_map(store: &MemoryStore) -> usize {
    let table = &store.inner.table;
    let entries = table.map.iter().filter(|entry| !entry.is_empty());
    assert_eq!(store.len(), entries.count());
    let mut places = HashSet::new();
    for ring in table.rings.lock_each() {
        assert!(ring.iter().all(|place| places.insert(*place)));
    }
    assert!(places.iter().all(|place| table.map.contains_key(place)));
    assert_eq!(places.len(), table.map.len());
    places.len()
}

#[test]
fn subjects_that_are_checked_and_reset_in_turn_leave_nothing() {
    let store = MemoryStore::new();
    let limiter = RateLimiter::new(store.clone());
    let policy = Policy::new("users", "10/day").unwrap();
    for turn in 0..1_000_000 {
        let other = turn.to_string();
        let identifier = if turn % 2 == 0 { "same" } else { &other };
        let request = || limiter.request(identifier);
        assert!(request().check(&policy).at_once().is_ok());
        // A thousand stay.
        if turn > 2_000 || turn % 2 == 0 {
            assert!(request().reset(&policy).at_once().is_ok());
        }
    }
    assert_eq!(store.len(), 1_000);
    assert!(in_map(&store) < 2_000, "{}", in_map(&store));
}

#[test]
fn a_subject_has_one_place_whatever_threads_do() {
    let clock = ManualClock::default();
    let builder = MemoryStore::builder().clock(clock.clone());
    let store = builder.max_subjects(500).build();
    let limiter = RateLimiter::new(store.clone());
    let policies = ["1/second", "10/hour"].map(|limits| Policy::new(limits, limits).unwrap());
    let some_calls = || {
        for turn in 0..50_000 {
            let identifier = fastrand::u32(..600).to_string();
            let (request, policy) = (limiter.request(&identifier), &policies[turn % 2]);
            let check = match fastrand::u32(..3) {
                0 => request.reset(policy),
                _ => request.check(policy),
            };
            assert!(matches!(check.at_once(), Ok(Ok(_))));
            assert!(store.len() <= 500);
            clock.advance(Duration::from_millis(u64::from(turn % 100 == 0)));
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(some_calls))));
    assert!(in_map(&store) < 1_000, "{}", in_map(&store));
}
