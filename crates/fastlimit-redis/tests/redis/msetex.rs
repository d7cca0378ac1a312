//! How a batch is written: with few calls where the server knows `MSETEX`, else key by key.

use fastlimit_core::store::{Entry, Key, Operation, Request};
use fastlimit_core::{Algorithm, Cost, Limit, Policy};
use fastlimit_redis::RedisStore;
use fastlimit_test_redis::{ExclusiveRedis, TestRedis, unique_prefix};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::batches::together;
use crate::rig::{calls, connection, knows_msetex, patient};

/// A server of its own, since everybody's commands are counted together.
struct Counted {
    store: RedisStore,
    admin: MultiplexedConnection,
    knows_msetex: bool,
    prefix: String,
    _redis: ExclusiveRedis,
}

/// How often the server was told to write: one key, and several.
#[derive(Debug, PartialEq)]
struct Writes {
    /// `SET`, or `SETRANGE` where a key keeps its end.
    set: u64,
    msetex: u64,
}

impl Counted {
    async fn new() -> Self {
        let redis = TestRedis::start().unwrap();
        let mut admin = connection(redis.url()).await;
        let knows_msetex = knows_msetex(&mut admin).await;
        Self {
            store: patient(redis.url()).connections(1).connect().await.unwrap(),
            admin,
            knows_msetex,
            prefix: unique_prefix(),
            _redis: redis,
        }
    }

    /// Checks in one batch, each admitted, and returns what was written.
    async fn check(&mut self, items: &[(String, &Policy, Cost)]) -> Writes {
        let before = self.writes().await;
        let requests = items.iter().map(|(identifier, policy, cost)| {
            let key = Key::new(&self.prefix, "p", "t", identifier);
            Request::new(key, *policy, Operation::Check(*cost))
        });
        let answers = together(&self.store, requests).await;
        let after = self.writes().await;
        for (answer, (identifier, policy, cost)) in answers.into_iter().zip(items) {
            let decision = answer.unwrap();
            assert!(decision.is_allowed());
            let mut entry = Entry::new();
            let _ = entry.apply(policy.limits(), Operation::Check(*cost), decision.now());
            let needed = entry.expires_at().as_millis() - decision.now().as_millis();
            let is_bucket = |limit: &Limit| limit.algorithm() == Algorithm::TokenBucket;
            // The end of a bucket is rounded by up to a 12th of its grace.
            let more = if policy.limits().iter().any(is_bucket) {
                60_000 / 12
            } else {
                0
            };
            self.assert_lives(identifier, i64::try_from(needed).unwrap(), more)
                .await;
        }
        Writes {
            set: after.set - before.set,
            msetex: after.msetex - before.msetex,
        }
    }

    async fn writes(&mut self) -> Writes {
        Writes {
            set: calls(&mut self.admin, "set").await + calls(&mut self.admin, "setrange").await,
            msetex: calls(&mut self.admin, "msetex").await,
        }
    }

    /// A key that is needed so long lives so long, and `more` and at most a 32nd longer.
    async fn assert_lives(&mut self, identifier: &str, needed: i64, more: i64) {
        let key = Key::new(&self.prefix, "p", "t", identifier).to_string();
        let ttl: i64 = self.admin.pttl(key).await.unwrap();
        let longest = needed + more;
        let longest = longest + if self.knows_msetex { longest / 32 } else { 0 };
        // What has gone by since; a short one may be over.
        let slack = 1_500;
        assert_ne!(ttl, -1, "{identifier}");
        assert!(ttl <= longest, "{identifier}: {ttl}, needed {needed}");
        let is_over = ttl == -2 && needed < slack;
        assert!(
            is_over || ttl >= needed - slack,
            "{identifier}: {ttl}, needed {needed}"
        );
    }
}

fn policy(text: &str) -> Policy {
    Policy::new("p", text).unwrap()
}

#[tokio::test]
async fn a_batch_of_one_limit_is_one_write() {
    let mut counted = Counted::new().await;
    let day = policy("1000/day");
    let items = |range: std::ops::Range<usize>| -> Vec<_> {
        range
            .map(|number| (number.to_string(), &day, Cost::ONE))
            .collect()
    };
    let expected = |keys, calls| match calls {
        Some(calls) => Writes {
            set: 0,
            msetex: calls,
        },
        None => Writes {
            set: keys,
            msetex: 0,
        },
    };
    let knows = counted.knows_msetex;
    let if_known = |calls| knows.then_some(calls);
    // New keys, then keys that are there, then both.
    assert_eq!(
        counted.check(&items(0..200)).await,
        expected(200, if_known(1))
    );
    assert_eq!(
        counted.check(&items(0..200)).await,
        expected(200, if_known(1))
    );
    assert_eq!(
        counted.check(&items(100..300)).await,
        expected(200, if_known(2))
    );
    // One key alone needs no more than that.
    assert_eq!(counted.check(&items(0..1)).await, expected(1, None));
}

#[tokio::test]
async fn a_short_window_does_not_live_as_long_as_a_long_one() {
    let mut counted = Counted::new().await;
    let policies = ["9/s", "9/5s", "9/m", "9/h", "9/d", "9/30d", "9/366d"].map(policy);
    let several = policy("9/m; 9/h sliding-window");
    let policies: Vec<_> = policies.iter().chain([&several]).collect();
    let items: Vec<_> = (0..24 * policies.len())
        .map(|number| {
            let policy = policies[number % policies.len()];
            (number.to_string(), policy, Cost::ONE)
        })
        .collect();
    let writes = counted.check(&items).await;
    let keys = u64::try_from(items.len()).unwrap();
    if counted.knows_msetex {
        let classes = u64::try_from(policies.len()).unwrap();
        assert_eq!(writes.set, 0, "{writes:?}");
        // Two may end at the same time.
        assert!((2..=classes).contains(&writes.msetex), "{writes:?}");
    } else {
        assert_eq!(
            writes,
            Writes {
                set: keys,
                msetex: 0
            }
        );
    }
}

#[tokio::test]
async fn times_to_live_that_differ_a_little_are_written_together() {
    let mut counted = Counted::new().await;
    // One request drains in half a minute: from 100 minutes to just under 200.
    let bucket = policy("120/h burst 1000 token-bucket");
    let items: Vec<_> = (200..400)
        .map(|cost| (cost.to_string(), &bucket, Cost::requests(cost)))
        .collect();
    let writes = counted.check(&items).await;
    if counted.knows_msetex {
        assert_eq!(writes.set, 0, "{writes:?}");
        // From one time to twice that there are 32 that are told apart, and this may be in two.
        assert!((16..=34).contains(&writes.msetex), "{writes:?}");
    } else {
        assert_eq!(
            writes,
            Writes {
                set: 200,
                msetex: 0
            }
        );
    }
}

#[tokio::test]
async fn a_value_of_another_type_holds_up_no_other() {
    let mut counted = Counted::new().await;
    let limit: Limit = "5/day".parse().unwrap();
    let keys: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let list = Key::new(&counted.prefix, "p", "t", "25").to_string();
    let _: i64 = counted.admin.rpush(&list, "item").await.unwrap();
    let requests = keys.iter().map(|identifier| {
        let key = Key::new(&counted.prefix, "p", "t", identifier);
        Request::new(key, limit, Operation::Check(Cost::ONE))
    });
    let answers = together(&counted.store, requests).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(decision) => assert_eq!(decision.remaining_cost(), Cost::requests(4)),
            Err(error) => assert_eq!(number, 25, "{error}"),
        }
        let key = Key::new(&counted.prefix, "p", "t", &keys[number]).to_string();
        let ttl: i64 = counted.admin.pttl(key).await.unwrap();
        assert_eq!(ttl == -1, number == 25, "{number}: {ttl}");
    }
}
