//! What is written, when, and for how long.

use fastlimit_core::store::{Entry, Operation};
use fastlimit_core::{Clock, Cost, Limit, ManualClock, Policy};

use crate::rig::{Rig, apply, at};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn what_charges_nothing_creates_no_key() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let limit: Limit = "2/hour".parse().unwrap();
    let both = Policy::new("default", "2/hour; 9/day").unwrap();
    for operation in [
        Operation::Check(Cost::ZERO),
        Operation::Check(Cost::requests(3)),
        Operation::Peek(Cost::ONE),
        Operation::Peek(Cost::requests(3)),
        Operation::Charge(Cost::ZERO),
        Operation::Refund {
            cost: Cost::ONE,
            charged_at: at(0),
        },
        Operation::Reset,
    ] {
        let _ = apply(&store, rig.key("one"), limit, operation)
            .await
            .unwrap();
        let _ = apply(&store, rig.key("two"), &both, operation)
            .await
            .unwrap();
    }
    assert_eq!(stored.keys(&rig.prefix).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_charges_nothing_leaves_the_key_alone() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let key = rig.key("a");
    let both = Policy::new("default", "2/day; 1000/366d").unwrap();
    let first = apply(&store, key, &both, Operation::Check(Cost::requests(2)));
    assert!(first.await.unwrap().is_allowed());
    let bytes = stored.bytes(key).await.unwrap();
    // A time to live that no write of the store would give.
    let mark = 987_654_321_000_i64;
    let mut set = redis::cmd("PEXPIRE");
    set.arg(key.to_string()).arg(mark);
    let _: i64 = set.query_async(&mut stored.0).await.unwrap();

    let other: Limit = "5/hour".parse().unwrap();
    for operation in [
        Operation::Check(Cost::ONE),
        Operation::Check(Cost::ZERO),
        Operation::Check(Cost::requests(3_000)),
        Operation::Peek(Cost::ZERO),
        Operation::Peek(Cost::ONE),
        Operation::Charge(Cost::ZERO),
        Operation::Refund {
            cost: Cost::ONE,
            charged_at: at(0),
        },
    ] {
        let _ = apply(&store, key, &both, operation).await.unwrap();
        assert_eq!(stored.bytes(key).await.unwrap(), bytes, "{operation:?}");
        let ttl = stored.ttl(key).await;
        assert!(
            (mark - 30_000..=mark).contains(&ttl),
            "{operation:?}: {ttl}"
        );
    }
    let _ = apply(&store, key, other, Operation::Reset).await.unwrap();
    assert_eq!(stored.bytes(key).await.unwrap(), bytes);
    assert!(stored.ttl(key).await > mark - 30_000);
}

#[tokio::test]
async fn a_key_lives_until_it_is_dead_and_a_grace_longer() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    for (id, limits, operation) in [
        ("a", "9/minute", Operation::Check(Cost::ONE)),
        ("b", "9/hour; 9/minute", Operation::Check(Cost::ONE)),
        (
            "c",
            "9/second; 9/day",
            Operation::Charge(Cost::requests(99)),
        ),
        ("d", "9/366d", Operation::Check(Cost::ONE)),
        ("e", "9/5s", Operation::Check(Cost::ONE)),
    ] {
        let key = rig.key(id);
        let policy = Policy::new("default", limits).unwrap();
        let decision = apply(&store, key, &policy, operation).await.unwrap();
        let mut entry = Entry::new();
        let _ = entry.apply(policy.limits(), operation, decision.now());
        let expected = entry
            .expires_at()
            .saturating_duration_since(decision.now())
            .as_millis();
        let expected = i64::try_from(expected).unwrap();
        let ttl = stored.ttl(key).await;
        assert!(
            (expected - 1_000..=expected).contains(&ttl),
            "{limits}: {ttl} ms, expected {expected}"
        );
    }
}

#[tokio::test]
async fn a_reset_deletes_the_key_or_leaves_the_others_their_time() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let key = rig.key("a");
    let both = Policy::new("default", "9/day; 9/hour").unwrap();
    let [day, hour] = [both.limits()[0], both.limits()[1]];
    let charge = Operation::Check(Cost::ONE);
    assert!(
        apply(&store, key, &both, charge)
            .await
            .unwrap()
            .is_allowed()
    );
    assert!(stored.bytes(key).await.unwrap().len() > 30);
    let decision = apply(&store, key, day, Operation::Reset).await.unwrap();
    let mut entry = Entry::new();
    let _ = entry.apply(&[hour], charge, decision.now());
    let mut bytes = Vec::new();
    entry.write_to(&mut bytes);
    assert_eq!(stored.bytes(key).await.unwrap(), bytes);
    let expected = entry.expires_at().as_millis() - decision.now().as_millis();
    let expected = i64::try_from(expected).unwrap();
    let ttl = stored.ttl(key).await;
    assert!((expected - 1_000..=expected).contains(&ttl), "{ttl}");
    let _ = apply(&store, key, hour, Operation::Reset).await.unwrap();
    assert_eq!(stored.ttl(key).await, -2);
}

#[tokio::test]
async fn a_reset_that_leaves_only_what_is_dead_deletes_the_key() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let (key, now) = (rig.key("a"), rig.store().await);
    let now = apply(
        &now,
        key,
        "1/s".parse::<Limit>().unwrap(),
        Operation::Peek(Cost::ZERO),
    );
    let now = now.await.unwrap().now();
    // A record of a second that is long over, next to one of this hour.
    let mut entry = Entry::new();
    let charge = Operation::Charge(Cost::ONE);
    let hour: Limit = "9/hour".parse().unwrap();
    let _ = entry.apply(&[hour], charge, now);
    let second: Limit = "9/second".parse().unwrap();
    let _ = entry.apply(&[second], charge, at(now.as_millis() - 60_000));
    let mut bytes = Vec::new();
    entry.write_to(&mut bytes);
    stored.set(key, &bytes).await;
    let _ = apply(&store, key, hour, Operation::Reset).await.unwrap();
    assert_eq!(stored.bytes(key).await, None);
}

#[tokio::test]
async fn with_a_clock_of_its_own_a_key_lives_an_hour_at_least() {
    let rig = Rig::new();
    let clock = ManualClock::new(at(5_000));
    let store = rig.store_with(clock.clone()).await;
    let mut stored = rig.stored().await;
    let charge = Operation::Check(Cost::ONE);
    for (id, limit, expected) in [
        ("a", "9/second", HOUR),
        ("b", "9/1ms", HOUR),
        ("c", "9/hour", HOUR - 5_000 + 60_000),
        ("d", "9/day", 24 * HOUR - 5_000 + 60_000),
    ] {
        let key = rig.key(id);
        let limit: Limit = limit.parse().unwrap();
        let decision = apply(&store, key, limit, charge).await.unwrap();
        assert_eq!(decision.now(), clock.now());
        let ttl = stored.ttl(key).await;
        assert!((expected - 1_000..=expected).contains(&ttl), "{id}: {ttl}");
    }
}

#[tokio::test]
async fn the_server_s_clock_is_read_to_the_millisecond() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut admin = rig.stored().await.0;
    let limit: Limit = "9/second".parse().unwrap();
    for _ in 0..5 {
        let mut millis = Vec::new();
        for is_ours in [false, true, false] {
            millis.push(if is_ours {
                let peek = apply(&store, rig.key("a"), limit, Operation::Peek(Cost::ZERO));
                peek.await.unwrap().now().as_millis()
            } else {
                let time = redis::cmd("TIME").query_async(&mut admin).await;
                let (seconds, micros): (u64, u64) = time.unwrap();
                seconds * 1_000 + micros / 1_000
            });
        }
        assert!(millis.is_sorted(), "{millis:?}");
        tokio::time::sleep(std::time::Duration::from_millis(37)).await;
    }
}
