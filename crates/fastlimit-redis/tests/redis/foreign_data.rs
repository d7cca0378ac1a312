//! Values under our keys that others wrote.

use fastlimit_core::store::{Entry, Operation, Request};
use fastlimit_core::{Cost, Limit, Policy, StoreErrorKind};
use redis::AsyncCommands;

use crate::batches::together;
use crate::rig::{Rig, apply, at, patient};

fn bytes_of(limits: &[Limit]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut entry = Entry::new();
    let _ = entry.apply(limits, Operation::Charge(Cost::ONE), at(1_700_000_000_000));
    entry.write_to(&mut bytes);
    bytes
}

/// A record of a fixed window with any numbers.
fn record(period: u64, start: u64, used: u64) -> Vec<u8> {
    let mut bytes = vec![1, 1];
    bytes.extend_from_slice(&period.to_be_bytes()[3..]);
    bytes.extend_from_slice(&start.to_be_bytes()[1..]);
    bytes.extend_from_slice(&used.to_be_bytes()[2..]);
    bytes
}

/// Values that are none, and what is said of them.
fn foreign_values() -> Vec<(Vec<u8>, &'static str)> {
    let ours = bytes_of(&["5/second".parse().unwrap()]);
    let malformed = "not made of rate limit records";
    let with = |at: usize, byte: u8| {
        let mut bytes = ours.clone();
        bytes[at] = byte;
        bytes
    };
    vec![
        (b"".to_vec(), malformed),
        (
            b"42".to_vec(),
            "format version 52; this version reads format 1",
        ),
        (b"hello".to_vec(), "format version 104"),
        (with(0, 9), "format version 9; this version reads format 1"),
        (with(0, 0), "format version 0"),
        (b"\x01hello".to_vec(), malformed),
        // An unknown tag; a record twice; a record and a half.
        (with(1, 2), malformed),
        ([&ours[..], &ours[1..]].concat(), malformed),
        ([&ours[..], &ours[1..9]].concat(), malformed),
        ([&ours[..], b"\x01"].concat(), malformed),
        (ours[..ours.len() - 1].to_vec(), malformed),
        (ours[..2].to_vec(), malformed),
        // A period of 0, one past 366 days; a start between windows, one past the end of time.
        ([&[1, 1], &[0; 18][..]].concat(), malformed),
        (with(2, 255), malformed),
        (with(13, ours[13] ^ 1), malformed),
        (with(7, 255), malformed),
        (record(366 * 86_400_000 + 1, 0, 0), malformed),
        (record(1, (1 << 52) + 1, 0), malformed),
        // More in use than there can be.
        (with(14, 255), malformed),
        (record(1_000, 0, (1 << 41) + 1), malformed),
    ]
}

#[tokio::test]
async fn a_foreign_value_is_an_error_that_names_the_key_without_its_identifier_and_stays() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let limit: Limit = "5/second".parse().unwrap();
    for (index, (bytes, what)) in foreign_values().into_iter().enumerate() {
        assert!(Entry::from_bytes(&bytes).is_err(), "{bytes:?}");
        let identifier = format!("user\n{index}");
        let key = rig.key(&identifier);
        stored.set(key, &bytes).await;
        for operation in [
            Operation::Check(Cost::ONE),
            Operation::Peek(Cost::ZERO),
            Operation::Charge(Cost::ONE),
            Operation::Refund {
                cost: Cost::ONE,
                charged_at: at(0),
            },
            Operation::Reset,
        ] {
            let error = apply(&store, key, limit, operation).await.unwrap_err();
            assert_eq!(
                error.kind(),
                StoreErrorKind::ForeignData,
                "{bytes:?} {error}"
            );
            let name = key.redacted().to_string();
            assert!(error.message().contains(&name), "{error}");
            assert!(!format!("{error:?}").contains("user"), "{error:?}");
            assert!(error.message().contains(what), "{error}");
            assert_eq!(stored.bytes(key).await.unwrap(), bytes);
            assert_eq!(stored.ttl(key).await, -1);
        }
    }
}

/// A value of each kind, with another byte in each place: an error where it is none to the model, and
/// otherwise decided as the model decides it.
#[tokio::test]
async fn whatever_a_byte_is_it_is_read_as_the_model_reads_it() {
    const CHECK: Operation = Operation::Check(Cost::ONE);
    let rig = Rig::new();
    let store = patient(rig.url()).connections(1).connect().await.unwrap();
    let mut stored = rig.stored().await;
    let now = apply(
        &store,
        rig.key("now"),
        "1/day".parse::<Limit>().unwrap(),
        CHECK,
    )
    .await;
    let now = now.unwrap().now();
    for text in [
        "9/366d",
        "9/366d; 8/183d",
        "9/366d; 8/183d; 7/122d; 6/61d",
        "9/366d sliding-window",
        "9/366d token-bucket",
        "9/366d; 8/183d sliding-window",
    ] {
        let policy = Policy::new("default", text).unwrap();
        let mut values = Vec::new();
        for used in [2, 100_000] {
            let mut entry = Entry::new();
            let charge = Operation::Charge(Cost::requests(used));
            let _ = entry.apply(policy.limits(), charge, now);
            let mut bytes = Vec::new();
            entry.write_to(&mut bytes);
            for place in 0..bytes.len() {
                for byte in [0, 1, bytes[place] ^ 1, bytes[place] ^ 2, 128, 255] {
                    let mut value = bytes.clone();
                    value[place] = byte;
                    values.push((format!("{text} {}", values.len()), value));
                }
            }
        }
        for values in values.chunks(200) {
            for (name, value) in values {
                stored.set(rig.key(name), value).await;
            }
            let requests = values
                .iter()
                .map(|(name, _)| Request::new(rig.key(name), &policy, CHECK));
            for (answer, (name, value)) in together(&store, requests).await.into_iter().zip(values)
            {
                match (answer, Entry::from_bytes(value)) {
                    (Ok(decision), Ok(mut entry)) => {
                        let expected = entry.apply(policy.limits(), CHECK, decision.now()).decision;
                        assert_eq!(decision, expected, "{name}: {value:?}");
                    }
                    (Err(error), Err(_)) => {
                        assert_eq!(
                            error.kind(),
                            StoreErrorKind::ForeignData,
                            "{name}: {value:?}"
                        );
                    }
                    (answer, expected) => panic!("{name}: {answer:?} in place of {expected:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_and_stays() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let key = rig.key("list");
    let _: i64 = stored.0.rpush(key.to_string(), "item").await.unwrap();
    let limit: Limit = "5/second".parse().unwrap();
    for operation in [Operation::Check(Cost::ONE), Operation::Reset] {
        let error = apply(&store, key, limit, operation).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::ForeignData, "{error}");
        assert!(
            error.message().contains(&key.redacted().to_string()),
            "{error}"
        );
        assert!(error.message().contains("not a string"), "{error}");
    }
    let items: Vec<String> = stored.0.lrange(key.to_string(), 0, -1).await.unwrap();
    assert_eq!(items, ["item"]);
}

#[tokio::test]
async fn a_value_without_records_is_as_good_as_none() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let key = rig.key("bare");
    stored.set(key, b"\x01").await;
    let limit: Limit = "5/hour".parse().unwrap();
    let decision = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
    assert_eq!(decision.unwrap().remaining_cost(), Cost::requests(4));
    assert!(stored.ttl(key).await > 0);
}

#[tokio::test]
async fn the_greatest_numbers_are_ours() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let longest = 366 * 86_400_000;
    let limit: Limit = "5/hour".parse().unwrap();
    for bytes in [
        record(longest, 0, 1 << 41),
        record(1, 1 << 52, 1 << 41),
        record(longest, (1 << 52) - (1 << 52) % longest, 0),
    ] {
        assert!(Entry::from_bytes(&bytes).is_ok(), "{bytes:?}");
        stored.set(rig.key("a"), &bytes).await;
        let decision = apply(&store, rig.key("a"), limit, Operation::Peek(Cost::ONE)).await;
        assert!(decision.unwrap().is_allowed());
    }
}
