//! On the server's own clock, by which a key keeps its end and its value is written over in place:
//! the decisions and the stored bytes are those of the model in core.

use std::collections::BTreeMap;

use fastlimit_core::store::{Entry, Key, Operation, Request};
use fastlimit_core::{Cost, Decision, Limit, Policy, StoreErrorKind};
use fastlimit_test_redis::{TestRedis, unique_prefix};
use redis::AsyncCommands;

use crate::batches::together;
use crate::permissions::{COMMANDS, set_user};
use crate::rig::{Rig, apply, at, calls, connection, patient};

const POLICIES: [&str; 7] = [
    "9/366d",
    "9/366d; 8/183d",
    "9/366d; 8/183d; 7/122d",
    "9/366d; 8/183d; 7/122d; 6/61d",
    "9/366d sliding-window",
    "9/366d token-bucket",
    "9/366d; 8/122d sliding-window; 7/61d token-bucket; 6/61d",
];

const fn check(milli: u64) -> Operation {
    Operation::Check(Cost::milli(milli))
}

/// What the model makes of it, at the time of the decision.
fn assert_is_the_model_s(decision: &Decision, entry: &mut Entry, limits: &[Limit], op: Operation) {
    let expected = entry.apply(limits, op, decision.now()).decision;
    assert_eq!(*decision, expected, "{op:?} under {limits:?}");
}

fn bytes_of(entry: &Entry) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.write_to(&mut bytes);
    (!entry.is_empty()).then_some(bytes)
}

#[tokio::test]
async fn what_is_asked_alone_leaves_the_model_s_bytes() {
    let rig = Rig::new();
    let store = patient(rig.url()).connect().await.unwrap();
    let mut stored = rig.stored().await;
    for text in POLICIES {
        let policy = Policy::new("default", text).unwrap();
        let key = rig.key(text);
        let mut entry = Entry::new();
        for operation in [
            check(1_500),
            check(1_000),
            check(1),
            Operation::Peek(Cost::ONE),
            check(100_000),
            check(250),
            Operation::Charge(Cost::ONE),
            check(999),
        ] {
            let decision = apply(&store, key, &policy, operation).await.unwrap();
            assert_is_the_model_s(&decision, &mut entry, policy.limits(), operation);
            assert_eq!(stored.bytes(key).await, bytes_of(&entry), "{text}");
        }
    }
}

#[tokio::test]
async fn what_leaves_together_leaves_the_model_s_bytes() {
    let rig = Rig::new();
    let store = patient(rig.url()).connections(1).connect().await.unwrap();
    let mut stored = rig.stored().await;
    let mut states: Vec<_> = POLICIES
        .iter()
        .map(|text| (Policy::new("default", *text).unwrap(), Entry::new()))
        .collect();
    for round in [
        &[0, 1, 2, 3, 4, 5, 6][..],
        &[0, 1, 2, 3, 4, 5, 6],
        &[0, 4, 0, 6, 5, 1, 5, 2, 0],
    ] {
        let items: Vec<_> = round
            .iter()
            .zip([700, 1, 300, 45].into_iter().cycle())
            .map(|(place, milli)| (*place, check(milli)))
            .collect();
        let answers = {
            let requests = items.iter().map(|(place, operation)| {
                let key = rig.key(POLICIES[*place]);
                Request::new(key, &states[*place].0, *operation)
            });
            together(&store, requests).await
        };
        for (answer, (place, operation)) in answers.into_iter().zip(items) {
            let (policy, entry) = &mut states[place];
            assert_is_the_model_s(&answer.unwrap(), entry, policy.limits(), operation);
        }
        for (text, (_, entry)) in POLICIES.iter().zip(&states) {
            let found = stored.bytes(rig.key(text)).await;
            assert_eq!(found, bytes_of(entry), "{text}");
        }
    }
}

#[tokio::test]
async fn keys_that_are_asked_once_each_leave_the_model_s_bytes() {
    once_each(true).await;
}

#[tokio::test]
async fn keys_that_may_not_be_written_over_fail_alone() {
    once_each(false).await;
}

/// A bucket that misses whole milli, and is full again within some milliseconds.
const FULL_AGAIN: &str = "60_000/minute burst 9 token-bucket";

/// Batches of one check each, of keys that keep their ends among all kinds of others.
async fn once_each(may_write_over: bool) {
    // A server of its own, since it has one user of this name.
    let redis = TestRedis::start().unwrap();
    for text in POLICIES.into_iter().chain([FULL_AGAIN]) {
        once_each_under(text, &redis, may_write_over).await;
    }
}

async fn once_each_under(text: &str, redis: &TestRedis, may_write_over: bool) {
    let mut admin = connection(redis.url()).await;
    let prefix = unique_prefix();
    let key = |name| Key::new(&prefix, "p", "t", name);
    let policy = Policy::new("p", text).unwrap();
    let wider = Policy::new("p", format!("{text}; 9/11d")).unwrap();
    let owner = patient(redis.url()).connect().await.unwrap();
    let mut entries = BTreeMap::new();
    for (name, policy, operation) in [
        ("live", &policy, check(2_000)),
        ("other", &policy, check(250)),
        ("spent", &policy, Operation::Charge(Cost::requests(100_000))),
        ("wider", &wider, check(500)),
    ] {
        let decision = apply(&owner, key(name), policy, operation).await.unwrap();
        let mut entry = Entry::new();
        assert_is_the_model_s(&decision, &mut entry, policy.limits(), operation);
        entries.insert(name, entry);
        if name == "other" {
            let before = at(decision.now().as_millis() - 366 * 86_400_000);
            let mut entry = Entry::new();
            let _ = entry.apply(policy.limits(), check(3_000), before);
            let bytes = bytes_of(&entry).unwrap();
            let () = admin.set(key("older").to_string(), bytes).await.unwrap();
            entries.insert("older", entry);
        }
    }
    let () = admin.set(key("text").to_string(), "hello").await.unwrap();
    let _: i64 = admin.rpush(key("list").to_string(), "x").await.unwrap();

    let store = if may_write_over {
        patient(redis.url())
    } else {
        let commands = COMMANDS.into_iter().filter(|one| *one != "+setrange");
        set_user(&mut admin, &prefix, &commands.collect::<Vec<_>>()).await;
        patient(&format!("redis://limiter:secret@{}", redis.addr()))
    };
    let store = store.connections(1).connect().await.unwrap();
    let names = [
        "live", "new", "text", "wider", "list", "spent", "older", "other",
    ];
    // Whether it keeps its end; not known of a bucket whose end moves every 5 s. That of a bucket of
    // some months moves each time.
    let mut keeps_its_end = BTreeMap::new();
    for name in names {
        let is_live = matches!(name, "live" | "other");
        let keeps = (text != FULL_AGAIN).then_some(is_live && !text.ends_with("d token-bucket"));
        keeps_its_end.insert(name, keeps);
    }
    for round in 0..3 {
        let requests = names.map(|name| Request::new(key(name), &policy, check(1_000)));
        for (answer, name) in together(&store, requests).await.into_iter().zip(names) {
            let what = format!("{name}, {round}, {text}");
            let expected = match (name, &answer) {
                ("text" | "list", _) => Some(StoreErrorKind::ForeignData),
                (_, Err(_)) if !may_write_over && keeps_its_end[name].is_none() => {
                    Some(StoreErrorKind::Misconfigured)
                }
                _ if !may_write_over && keeps_its_end[name] == Some(true) => {
                    Some(StoreErrorKind::Misconfigured)
                }
                _ => None,
            };
            if let Some(kind) = expected {
                assert_eq!(answer.unwrap_err().kind(), kind, "{what}");
                continue;
            }
            let entry = entries.entry(name).or_default();
            assert_is_the_model_s(&answer.unwrap(), entry, policy.limits(), check(1_000));
        }
        for name in ["new", "older"] {
            keeps_its_end.insert(name, keeps_its_end["live"]);
        }
        for (name, entry) in &entries {
            let found: Option<Vec<u8>> = admin.get(key(name).to_string()).await.unwrap();
            assert_eq!(found, bytes_of(entry), "{name}, {round}, {text}");
        }
    }
}

/// A value that became shorter is no longer as long as the one that is stored.
#[tokio::test]
async fn a_limit_that_is_reset_in_the_same_call_leaves_nothing_behind() {
    let rig = Rig::new();
    let store = patient(rig.url()).connections(1).connect().await.unwrap();
    let mut stored = rig.stored().await;
    let [both, first, second] =
        ["9/366d; 8/183d", "9/366d", "8/183d"].map(|text| Policy::new("default", text).unwrap());
    for (name, one, other) in [("a", &first, &second), ("b", &second, &first)] {
        let key = rig.key(name);
        let mut entry = Entry::new();
        let decision = apply(&store, key, &both, check(500)).await.unwrap();
        assert_is_the_model_s(&decision, &mut entry, both.limits(), check(500));
        let items = [
            (one, Operation::Reset),
            (other, check(700)),
            (other, check(30)),
        ];
        let requests = items.map(|(policy, operation)| Request::new(key, policy, operation));
        for (answer, (policy, operation)) in together(&store, requests).await.into_iter().zip(items)
        {
            assert_is_the_model_s(&answer.unwrap(), &mut entry, policy.limits(), operation);
        }
        assert_eq!(stored.bytes(key).await, bytes_of(&entry), "{name}");
    }
}

#[tokio::test]
async fn a_key_that_keeps_its_end_is_not_set_anew() {
    // A server of its own, since everybody's commands are counted together.
    let redis = TestRedis::start().unwrap();
    let store = patient(redis.url()).connect().await.unwrap();
    let mut counter = connection(redis.url()).await;
    for (done, text) in POLICIES[..5].iter().enumerate() {
        let policy = Policy::new("p", *text).unwrap();
        let key = Key::new("fl", "p", "t", text);
        for _ in 0..4 {
            let decision = apply(&store, key, &policy, check(1_000)).await.unwrap();
            assert!(decision.is_allowed());
        }
        let done = u64::try_from(done).unwrap() + 1;
        assert_eq!(calls(&mut counter, "set").await, done, "{text}");
        assert_eq!(calls(&mut counter, "setrange").await, 3 * done, "{text}");
    }
}
