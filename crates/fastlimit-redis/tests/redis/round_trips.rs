//! One round trip per operation, and few commands inside, however many limits there are: counted
//! at the server.

use fastlimit_core::{Cost, Operation, Policy};
use fastlimit_test_redis::TestRedis;

use crate::rig::{apply, calls, connection, patient};

#[tokio::test]
async fn a_check_is_one_call_of_the_script_whatever_its_limits() {
    // A server of its own, since everybody's commands are counted together.
    let redis = TestRedis::start().unwrap();
    let store = patient(redis.url()).connect().await.unwrap();
    let mut counter = connection(redis.url()).await;
    let policies = [
        "1000/hour",
        "1000/hour; 1000/day",
        "1000/hour; 900/hour sliding-window; 800/hour token-bucket; 9000/day; 700/2h burst 600 token-bucket",
    ];
    // The first call loads the script.
    let warm: Policy = "1/second".parse().unwrap();
    let key = fastlimit_core::Key::new("fl", "p", "t", "warm");
    let _ = apply(&store, key, &warm, Operation::Check(Cost::ONE))
        .await
        .unwrap();

    for (policy, text) in policies.iter().enumerate() {
        let limits: Policy = text.parse().unwrap();
        let identifier = policy.to_string();
        let key = fastlimit_core::Key::new("fl", "p", "t", &identifier);
        for (operation, writes) in [
            (Operation::Check(Cost::ONE), 1),
            (Operation::Peek(Cost::ONE), 0),
            (Operation::Check(Cost::requests(100_000)), 0),
            (Operation::Charge(Cost::ONE), 1),
        ] {
            let commands = ["evalsha", "eval", "time", "mget", "get", "set", "del"];
            let mut before = Vec::new();
            for command in commands {
                before.push(calls(&mut counter, command).await);
            }
            for _ in 0..10 {
                let _ = apply(&store, key, &limits, operation).await.unwrap();
            }
            for (command, (before, expected)) in commands
                .iter()
                .zip(before.into_iter().zip([1, 0, 1, 1, 0, writes, 0]))
            {
                let made = calls(&mut counter, command).await - before;
                assert_eq!(
                    made,
                    10 * expected,
                    "{command} for {operation:?} under {text}"
                );
            }
        }
    }
}
