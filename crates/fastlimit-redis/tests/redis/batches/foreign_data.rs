//! Values of others under some keys of a batch.

use std::collections::BTreeMap;

use fastlimit_core::store::{Entry, Operation, Request};
use fastlimit_core::{Cost, ManualClock, Policy, StoreErrorKind};
use redis::AsyncCommands;

use super::together;
use crate::rig::{Rig, apply, at, patient};

/// The items of a list, which is a value of another type.
const LIST: [&str; 2] = ["first", "second"];

#[tokio::test]
async fn foreign_data_in_a_batch_fails_only_those_who_ask_for_it() {
    for policy in [
        "5/day",
        "5/day token-bucket",
        "5/day sliding-window",
        "5/day; 9/hour burst 7 token-bucket",
        "5/day; 9/hour",
        "5/day; 9/hour; 7/minute",
    ] {
        foreign_data_in_a_batch(&Policy::new("default", policy).unwrap()).await;
    }
}

async fn foreign_data_in_a_batch(policy: &Policy) {
    let rig = Rig::new();
    let now = at(1_700_000_000_000);
    let store = patient(rig.url())
        .clock(ManualClock::new(now))
        .connections(1);
    let store = store.connect().await.unwrap();
    let mut stored = rig.stored().await;
    let [check, peek] = [Operation::Check(Cost::ONE), Operation::Peek(Cost::ONE)];
    let [charge, reset] = [Operation::Charge(Cost::ONE), Operation::Reset];
    // More than any capacity, so that it is denied before anything is looked at.
    let too_much = Operation::Check(Cost::requests(99));

    let lists = [
        "list",
        "denied",
        "reset",
        "reset first",
        "peeked",
        "charged",
    ];
    for list in lists {
        let key = rig.key(list).to_string();
        let _: i64 = stored.0.rpush(key, &LIST).await.unwrap();
    }
    stored.set(rig.key("text"), b"hello").await;
    let mut model = BTreeMap::new();
    for ours in ["ours", "gone"] {
        let mut entry = Entry::new();
        let expected = entry.apply(policy.limits(), check, now).decision;
        let decision = apply(&store, rig.key(ours), policy, check).await;
        assert_eq!(decision.unwrap(), expected);
        model.insert(ours, entry);
    }

    let items = [
        ("list", check),
        ("none", check),
        ("text", check),
        ("ours", check),
        ("denied", too_much),
        ("reset", check),
        ("reset", reset),
        ("list", peek),
        ("text", peek),
        ("ours", peek),
        ("none", peek),
        ("list", too_much),
        ("text", too_much),
        ("ours", too_much),
        ("none", too_much),
        ("reset first", reset),
        ("reset first", check),
        ("peeked", peek),
        ("charged", charge),
        ("none", charge),
        ("gone", check),
        ("gone", reset),
        ("list", reset),
        ("text", reset),
        ("absent", too_much),
        ("absent", reset),
        ("ours", check),
        ("charged", too_much),
        ("none", check),
    ];
    let requests = items.map(|(key, operation)| Request::new(rig.key(key), policy, operation));
    let answers = together(&store, requests).await;
    assert_eq!(answers.len(), items.len());
    for ((name, operation), answer) in items.into_iter().zip(answers) {
        if name != "text" && !lists.contains(&name) {
            let entry = model.entry(name).or_insert_with(Entry::new);
            let expected = entry.apply(policy.limits(), operation, now).decision;
            assert_eq!(answer.unwrap(), expected, "{operation:?} of {name}");
            continue;
        }
        let Err(error) = answer else {
            panic!("{operation:?} of {name} under {policy} was answered");
        };
        assert_eq!(error.kind(), StoreErrorKind::ForeignData, "{error}");
        let key = rig.key(name).redacted().to_string();
        assert!(error.message().contains(&key), "{name}: {error}");
        let what = if name == "text" {
            "format version 104"
        } else {
            "not a string"
        };
        assert!(error.message().contains(what), "{name}: {error}");
    }

    for (name, entry) in model {
        let mut bytes = Vec::new();
        entry.write_to(&mut bytes);
        let expected = (!entry.is_empty()).then_some(bytes);
        assert_eq!(stored.bytes(rig.key(name)).await, expected, "{name}");
    }
    assert_eq!(stored.bytes(rig.key("text")).await.unwrap(), b"hello");
    assert_eq!(stored.ttl(rig.key("text")).await, -1);
    for list in lists {
        let key = rig.key(list);
        let items: Vec<String> = stored.0.lrange(key.to_string(), 0, -1).await.unwrap();
        assert_eq!(items, LIST, "{list}");
        assert_eq!(stored.ttl(key).await, -1, "{list}");
    }
}
