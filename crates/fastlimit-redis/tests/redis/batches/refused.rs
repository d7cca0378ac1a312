//! A server that refuses to write, and what it can answer nevertheless.

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Clock, Cost, ManualClock, Policy, StoreErrorKind, SystemClock, Timestamp};
use fastlimit_redis::RedisStoreBuilder;
use fastlimit_test_redis::{TestRedis, unique_prefix};
use redis::cmd;

use super::together;
use crate::rig::{apply, at, connection, patient};

/// A server that refuses to write: what it says, and what makes it so and undoes it.
struct Refusal {
    says: &'static str,
    set: &'static [&'static str],
    undo: &'static [&'static str],
}

#[tokio::test]
async fn a_full_server_answers_what_writes_nothing() {
    refused_writes(Refusal {
        says: "OOM",
        set: &["CONFIG", "SET", "maxmemory", "1"],
        undo: &["CONFIG", "SET", "maxmemory", "0"],
    })
    .await;
}

/// By the time of a clock of ours, and by the server's, by which keys keep their ends.
async fn refused_writes(refusal: Refusal) {
    let redis = TestRedis::start().unwrap();
    let now = at(1_700_000_000_000);
    let by_ours = patient(redis.url()).clock(ManualClock::new(now));
    refused_writes_at(&redis, by_ours, now, &refusal).await;
    let now = SystemClock.now();
    refused_writes_at(&redis, patient(redis.url()), now, &refusal).await;
}

async fn refused_writes_at(
    redis: &TestRedis,
    store: RedisStoreBuilder,
    now: Timestamp,
    refusal: &Refusal,
) {
    let store = store.connections(1).connect().await.unwrap();
    let mut admin = connection(redis.url()).await;
    let prefix = unique_prefix();
    // No window ends meanwhile.
    let policy = Policy::new("p", "2/366d").unwrap();
    let key = |identifier| Key::new(&prefix, "p", "t", identifier);
    let [one, two, three] = [1, 2, 3].map(Cost::requests);
    for (name, cost) in [
        ("half", one),
        ("spent", two),
        ("used", one),
        ("charged", one),
        ("checked", one),
        ("gone", one),
        ("plain", one),
        ("simple", one),
    ] {
        let decision = apply(&store, key(name), &policy, Operation::Check(cost)).await;
        assert!(decision.unwrap().is_allowed());
    }
    let mut order = async |words: &[&str]| {
        let mut order = cmd(words[0]);
        let () = order
            .arg(&words[1..])
            .query_async(&mut admin)
            .await
            .unwrap();
    };
    order(refusal.set).await;

    /// What is to come of an item.
    #[derive(Debug)]
    enum Expected {
        Refused,
        Denied(u64),
        Allowed(u64),
    }
    use Expected::{Allowed, Denied, Refused};
    let refund = Operation::Refund {
        cost: Cost::ONE,
        charged_at: now,
    };
    let items = [
        ("fresh", Operation::Check(one), Refused),
        ("spent", Operation::Check(one), Denied(0)),
        ("half", Operation::Peek(one), Allowed(0)),
        ("half", Operation::Check(two), Denied(1)),
        ("half", Operation::Check(Cost::ZERO), Allowed(1)),
        ("other", Operation::Check(three), Denied(2)),
        ("another", Operation::Peek(two), Allowed(0)),
        ("charged", Operation::Charge(one), Refused),
        ("checked", Operation::Check(one), Refused),
        ("fresh", Operation::Check(one), Refused),
        ("used", refund, Refused),
        ("nothing", Operation::Reset, Allowed(2)),
        ("spent", Operation::Peek(one), Denied(0)),
    ];
    let requests = items
        .iter()
        .map(|(name, operation, _)| Request::new(key(name), &policy, *operation));
    let answers = together(&store, requests).await;
    for (answer, (name, operation, expected)) in answers.into_iter().zip(&items) {
        let (is_allowed, remaining) = match expected {
            Refused => {
                let error = answer.unwrap_err();
                assert_eq!(error.kind(), StoreErrorKind::Refused, "{name}: {error}");
                assert!(error.message().contains(refusal.says), "{name}: {error}");
                continue;
            }
            Denied(remaining) => (false, remaining),
            Allowed(remaining) => (true, remaining),
        };
        let decision = answer.unwrap();
        assert_eq!(decision.is_allowed(), is_allowed, "{operation:?} of {name}");
        let remaining = Cost::requests(*remaining);
        assert_eq!(
            decision.remaining_cost(),
            remaining,
            "{operation:?} of {name}"
        );
    }

    // Checks alone, which keep the ends of their keys.
    let names = ["plain", "new", "simple"];
    let requests = names.map(|name| Request::new(key(name), &policy, Operation::Check(one)));
    for (answer, name) in together(&store, requests).await.into_iter().zip(names) {
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{name}: {error}");
        assert!(error.message().contains(refusal.says), "{name}: {error}");
    }

    // A full server deletes, and goes on with what follows in that call: done or refused, but
    // never refused and done.
    let check = Operation::Check(one);
    let reset = Operation::Reset;
    let items = [("first", check), ("gone", reset), ("second", check)];
    let requests = items.map(|(name, operation)| Request::new(key(name), &policy, operation));
    let answers = together(&store, requests).await;
    assert!(answers[1].is_ok());
    order(refusal.undo).await;
    let mut left = vec![
        ("fresh", 2),
        ("charged", 1),
        ("checked", 1),
        ("used", 1),
        ("half", 1),
        ("spent", 0),
        ("plain", 1),
        ("new", 2),
        ("simple", 1),
    ];
    for ((name, before, after), answer) in [("first", 2, 1), ("gone", 1, 2), ("second", 2, 1)]
        .into_iter()
        .zip(answers)
    {
        left.push((name, if answer.is_ok() { after } else { before }));
        if let Err(error) = answer {
            assert_eq!(error.kind(), StoreErrorKind::Refused, "{name}: {error}");
        }
    }

    // What was refused was not done.
    for (name, remaining) in left {
        let usage = apply(&store, key(name), &policy, Operation::Peek(Cost::ZERO)).await;
        assert_eq!(
            usage.unwrap().remaining_cost(),
            Cost::requests(remaining),
            "{name}"
        );
    }
}
