//! How many calls requests that wait together leave in.

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Limit};
use fastlimit_test_redis::TestRedis;

use super::together;
use crate::rig::{calls, connection, patient};

#[tokio::test]
async fn what_waits_together_leaves_in_few_calls() {
    // A server of its own, since everybody's commands are counted together.
    let redis = TestRedis::start().unwrap();
    let store = patient(redis.url()).connections(1).connect().await.unwrap();
    let mut counter = connection(redis.url()).await;
    let limit: Limit = "100000/day".parse().unwrap();
    let identifiers: Vec<_> = (0..64).map(|number| number.to_string()).collect();
    let mut ask = async |count: usize| {
        let keys = identifiers.iter().cycle().take(count);
        let keys = keys.map(|identifier| Key::new("fl", "p", "t", identifier));
        let check = Operation::Check(Cost::ONE);
        let answers = together(&store, keys.map(|key| Request::new(key, limit, check))).await;
        assert!(
            answers
                .into_iter()
                .all(|answer| answer.unwrap().is_allowed())
        );
        let mut made = Vec::new();
        for command in ["evalsha", "time", "mget"] {
            made.push(calls(&mut counter, command).await);
        }
        made
    };
    // The first call loads the script.
    let mut before = ask(1).await;
    for (count, expected) in [
        (1, 1),
        (2, 1),
        (255, 1),
        (256, 1),
        (257, 2),
        (512, 2),
        (600, 3),
    ] {
        let after = ask(count).await;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(after - before, expected, "{count} checks");
        }
        before = after;
    }
}
