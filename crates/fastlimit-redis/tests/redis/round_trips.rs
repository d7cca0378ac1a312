//! One round trip per operation, and few commands inside, however many limits there are: counted
//! at the server.

use fastlimit_core::store::Operation;
use fastlimit_core::{Cost, Policy};
use fastlimit_test_redis::TestRedis;

use crate::rig::{apply, calls, connection, patient};

#[tokio::test]
async fn a_check_is_one_call_of_the_script_whatever_its_limits() {
    // A server of its own, since everybody's commands are counted together.
    let redis = TestRedis::start().unwrap();
    let store = patient(redis.url()).connections(1).connect().await.unwrap();
    let mut counter = connection(redis.url()).await;
    let policies = [
        "1000/hour",
        "1000/hour; 1000/day",
        "1000/hour; 900/hour sliding-window; 800/hour token-bucket; 9000/day; 700/2h burst 600 token-bucket",
    ];
    // The first call loads the script.
    let warm: Policy = "1/second".parse().unwrap();
    let key = fastlimit_core::store::Key::new("fl", "p", "t", "warm");
    let _ = apply(&store, key, &warm, Operation::Check(Cost::ONE))
        .await
        .unwrap();

    for (policy, text) in policies.iter().enumerate() {
        let limits: Policy = text.parse().unwrap();
        let identifier = policy.to_string();
        let key = fastlimit_core::store::Key::new("fl", "p", "t", &identifier);
        for (operation, writes) in [
            (Operation::Check(Cost::ONE), 1),
            (Operation::Peek(Cost::ONE), 0),
            (Operation::Check(Cost::requests(100_000)), 0),
            (Operation::Charge(Cost::ONE), 1),
        ] {
            let expected: [(&[&str], u64); 6] = [
                (&["evalsha"], 1),
                (&["eval", "get"], 0),
                (&["time"], 1),
                (&["mget"], 1),
                // By whether the end of the key is another one.
                (&["set", "setrange"], writes),
                (&["del"], 0),
            ];
            let mut count = async || {
                let mut counts = Vec::new();
                for (commands, _) in expected {
                    let mut made = 0;
                    for command in commands {
                        made += calls(&mut counter, command).await;
                    }
                    counts.push(made);
                }
                counts
            };
            let before = count().await;
            for _ in 0..10 {
                let _ = apply(&store, key, &limits, operation).await.unwrap();
            }
            let after = count().await;
            for ((commands, expected), (before, after)) in
                expected.iter().zip(before.into_iter().zip(after))
            {
                assert_eq!(
                    after - before,
                    10 * expected,
                    "{commands:?} for {operation:?} under {text}"
                );
            }
        }
    }
}
