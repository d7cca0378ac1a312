//! How long a key lives on that held something before.

use std::time::Duration;

use fastlimit_core::store::{Entry, Operation, Request};
use fastlimit_core::{Cost, LimitStatus, ManualClock, Policy, Timestamp};
use redis::AsyncCommands;

use crate::batches::together;
use crate::rig::{Rig, apply, at, patient};

const CHECK: Operation = Operation::Check(Cost::ONE);

/// What was done to a subject, and how long before now.
type Past = Vec<(Duration, fn(Timestamp) -> Operation)>;

fn check(_: Timestamp) -> Operation {
    CHECK
}

fn refund(now: Timestamp) -> Operation {
    Operation::Refund {
        cost: Cost::ONE,
        charged_at: now,
    }
}

/// A write keeps the end of its key only where the state ends no later than before.
#[tokio::test]
async fn a_check_makes_a_key_live_as_long_as_its_state() {
    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(86_400);
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let now = Duration::ZERO;
    let pasts: [(&str, Past); 8] = [
        ("9/day", vec![(DAY, check)]),
        ("9/day sliding-window", vec![(DAY, check)]),
        // Nothing counts but what is left of the window before, which ends a day earlier.
        (
            "9/day sliding-window",
            vec![(DAY, check), (now, check), (now, refund)],
        ),
        ("9/day token-bucket", vec![(MINUTE, check)]),
        ("9/day token-bucket", vec![(DAY, check)]),
        // Full again, by a state that ends a little earlier.
        ("900_000/minute token-bucket", vec![(MINUTE / 2, check)]),
        ("9/hour; 9/day", vec![(DAY, check)]),
        (
            "9/day; 9/day sliding-window",
            vec![(DAY, check), (now, check), (now, refund)],
        ),
    ];
    for (number, (limits, past)) in pasts.into_iter().enumerate() {
        let policy = Policy::new("default", limits).unwrap();
        for is_in_batch in [false, true] {
            let identifier = format!("{number}:{is_in_batch}");
            let key = rig.key(&identifier);
            let usage = apply(&store, key, &policy, Operation::Peek(Cost::ZERO)).await;
            let now = usage.unwrap().now();
            let mut entry = Entry::new();
            for (ago, operation) in &past {
                let ago = u64::try_from(ago.as_millis()).unwrap();
                let then = at(now.as_millis() - ago);
                let _ = entry.apply(policy.limits(), operation(then), then);
            }
            let mut bytes = Vec::new();
            entry.write_to(&mut bytes);
            assert!(!entry.is_empty());
            stored.set(key, &bytes).await;
            // More than the test takes, and less than the state is needed.
            let _: i64 = stored.0.pexpire(key.to_string(), 40_000).await.unwrap();

            let decision = if is_in_batch {
                let other = format!("{identifier}:other");
                let keys = [key, rig.key(&other)];
                let requests = keys.map(|key| Request::new(key, &policy, CHECK));
                together(&store, requests).await.swap_remove(0).unwrap()
            } else {
                apply(&store, key, &policy, CHECK).await.unwrap()
            };
            assert!(decision.is_allowed());
            let resets = decision.limits().iter().map(LimitStatus::reset_after);
            let needed = resets.max().unwrap() + MINUTE;
            let ttl = stored.ttl(key).await;
            let lives = Duration::from_millis(u64::try_from(ttl).unwrap());
            let slack = Duration::from_secs(5);
            assert!(
                lives + slack >= needed,
                "{limits} after {} operations, {is_in_batch}: {lives:?} of {needed:?}",
                past.len()
            );
        }
    }
}

/// What is known of a limit is put aside while others come.
#[tokio::test]
async fn keys_of_several_limits_in_one_call_live_as_long_as_each_needs() {
    const GRACE: Duration = Duration::from_secs(60);
    const SLACK: Duration = Duration::from_secs(5);
    let rig = Rig::new();
    let store = patient(rig.url()).connections(1).connect().await.unwrap();
    let mut stored = rig.stored().await;
    let policies = ["9/hour", "9/8d", "9/64d"].map(|text| Policy::new("default", text).unwrap());
    let names: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    let items = || names.iter().zip(policies.iter().cycle());
    let requests = items().map(|(name, policy)| Request::new(rig.key(name), policy, CHECK));
    for (decision, (name, policy)) in together(&store, requests).await.into_iter().zip(items()) {
        let needed = decision.unwrap().limits()[0].reset_after() + GRACE;
        let ttl = u64::try_from(stored.ttl(rig.key(name)).await).unwrap();
        let lives = Duration::from_millis(ttl);
        // Lives are made longer by up to a 32nd where keys are written together.
        let range = needed - SLACK..=needed + needed / 32 + SLACK;
        assert!(
            range.contains(&lives),
            "{name}, {policy:?}: {lives:?} of {needed:?}"
        );
    }
}

/// By the server's clock time goes on while a given one may stand still.
#[tokio::test]
async fn on_a_given_clock_every_check_gives_its_key_a_life_anew() {
    let rig = Rig::new();
    let store = rig.store_with(ManualClock::new(at(1_000_000_000))).await;
    let mut stored = rig.stored().await;
    for (number, limits) in [
        "9/day",
        "9/day sliding-window",
        "9/day token-bucket",
        "9/hour; 9/day",
    ]
    .into_iter()
    .enumerate()
    {
        let policy = Policy::new("default", limits).unwrap();
        let names = [format!("{number}:one"), format!("{number}:other")];
        let keys = [rig.key(&names[0]), rig.key(&names[1])];
        for is_in_batch in [false, true] {
            for key in keys {
                let decision = apply(&store, key, &policy, CHECK).await.unwrap();
                assert!(decision.is_allowed());
                let _: i64 = stored.0.pexpire(key.to_string(), 40_000).await.unwrap();
            }
            if is_in_batch {
                let requests = keys.map(|key| Request::new(key, &policy, CHECK));
                for decision in together(&store, requests).await {
                    assert!(decision.unwrap().is_allowed());
                }
            } else {
                for key in keys {
                    let decision = apply(&store, key, &policy, CHECK).await.unwrap();
                    assert!(decision.is_allowed());
                }
            }
            for key in keys {
                let ttl = stored.ttl(key).await;
                assert!(ttl > 3_500_000, "{limits}, {is_in_batch}: {ttl} ms");
            }
        }
    }
}
