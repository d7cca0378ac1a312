//! Keys that the user may not touch among those that he may.

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Limit, ManualClock, Policy, StoreErrorKind};
use fastlimit_test_redis::{TestRedis, unique_prefix};
use redis::{AsyncCommands, cmd};

use super::together;
use crate::permissions::{COMMANDS, set_user};
use crate::rig::{apply, at, connection, knows_msetex, patient};

#[tokio::test]
async fn a_key_that_is_not_allowed_fails_only_those_who_ask_for_it() {
    let redis = TestRedis::start().unwrap();
    let mut admin = connection(redis.url()).await;
    let prefix = unique_prefix();
    let url = format!("redis://limiter:secret@{}", redis.addr());
    let mut commands = COMMANDS.to_vec();
    for round in 0..2 {
        set_user(&mut admin, &prefix, &commands).await;
        let clock = ManualClock::new(at(1_700_000_000_000));
        let store = patient(&url).clock(clock).connections(1);
        let store = store.connect().await.unwrap();
        let limit: Limit = "5/day".parse().unwrap();
        let [first, second] = ["first", "second"].map(|name| format!("{name}{round}"));
        let ours = |identifier| Key::new(&prefix, "p", "t", identifier);
        let [first, second] = [ours(&first), ours(&second)];
        let other = Key::new("other", "p", "t", "i");
        let check = Operation::Check(Cost::ONE);
        let peek = Operation::Peek(Cost::ONE);
        let items = [
            (first, check, Some(4)),
            (other, check, None),
            (second, check, Some(4)),
            (first, check, Some(3)),
            (other, peek, None),
            (first, peek, Some(2)),
            (second, check, Some(3)),
            (other, Operation::Reset, None),
            (first, check, Some(2)),
        ];
        let requests = items.map(|(key, operation, _)| Request::new(key, limit, operation));
        let answers = together(&store, requests).await;
        for (answer, (key, operation, expected)) in answers.into_iter().zip(items) {
            match expected {
                Some(remaining) => {
                    let decision = answer.unwrap();
                    assert!(decision.is_allowed());
                    assert_eq!(
                        decision.remaining_cost(),
                        Cost::requests(remaining),
                        "{operation:?}"
                    );
                }
                None => {
                    let error = answer.unwrap_err();
                    assert_eq!(
                        error.kind(),
                        StoreErrorKind::Misconfigured,
                        "{key}: {error}"
                    );
                }
            }
        }
        for (key, remaining) in [(first, 2), (second, 3)] {
            let usage = apply(&store, key, limit, Operation::Peek(Cost::ZERO)).await;
            assert_eq!(usage.unwrap().remaining_cost(), Cost::requests(remaining));
        }
        let found: bool = admin.exists(other.to_string()).await.unwrap();
        assert!(!found);
        if !knows_msetex(&mut admin).await {
            break;
        }
        commands.push("+msetex");
    }
}

#[tokio::test]
async fn where_msetex_is_forbidden_later_each_key_is_written_alone() {
    let redis = TestRedis::start().unwrap();
    let mut admin = connection(redis.url()).await;
    let prefix = unique_prefix();
    let url = format!("redis://limiter:secret@{}", redis.addr());
    let knows_msetex = knows_msetex(&mut admin).await;
    let mut commands = COMMANDS.to_vec();
    commands.extend(knows_msetex.then_some("+msetex"));
    set_user(&mut admin, &prefix, &commands).await;
    let store = patient(&url).connections(1).connect().await.unwrap();
    let policy = Policy::new("p", "9/366d").unwrap();
    for (remaining, may_still) in [(8, true), (7, true), (6, false), (5, false)] {
        if knows_msetex && !may_still {
            let mut forbid = cmd("ACL");
            forbid.arg(&["SETUSER", "limiter", "-msetex"]);
            let () = forbid.query_async(&mut admin).await.unwrap();
        }
        // The first two are there from the second time on, the others are new each time.
        let new = [remaining.to_string(), format!("other {remaining}")];
        for (name, remaining) in [
            ("a", remaining),
            ("b", remaining),
            (&new[0], 8),
            (&new[1], 8),
        ] {
            let key = Key::new(&prefix, "p", "t", name);
            let usage = apply(&store, key, &policy, Operation::Peek(Cost::ZERO)).await;
            let before = usage.unwrap().remaining_cost();
            assert_eq!(before, Cost::requests(remaining + 1), "{name}");
        }
        let names = ["a", "b", &new[0], &new[1]];
        let check = |name| {
            let key = Key::new(&prefix, "p", "t", name);
            Request::new(key, &policy, Operation::Check(Cost::ONE))
        };
        for answer in together(&store, names.map(check)).await {
            assert!(answer.unwrap().is_allowed());
        }
    }
}
