//! The server forgets the script.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Limit};
use fastlimit_test_redis::TestRedis;
use redis::cmd;

use crate::rig::{Rig, apply, calls, connection, patient};

const TASKS: usize = 256;
const CHECKS: usize = 120;
const KEYS: usize = 5;
/// Of each key, less than is asked of it.
const CAPACITY: u64 = 4_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_sees_a_flush_of_the_scripts() {
    // A server of its own: the other tests' scripts need not be flushed.
    let redis = TestRedis::start().unwrap();
    let rig = Rig::new();
    let store = patient(redis.url()).connect().await.unwrap();
    let mut admin = connection(redis.url()).await;
    let mut counter = connection(redis.url()).await;
    let limit: Limit = format!("{CAPACITY}/day").parse().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let flushes = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move {
            let mut flushes = 0;
            while !is_over.load(Ordering::Relaxed) {
                let () = cmd("SCRIPT")
                    .arg("FLUSH")
                    .query_async(&mut admin)
                    .await
                    .unwrap();
                flushes += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            flushes
        }
    });
    let admitted: Arc<[AtomicU64; KEYS]> = Arc::default();
    let prefix: Arc<str> = rig.prefix.as_str().into();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, admitted) = (store.clone(), Arc::clone(&admitted));
            let prefix = Arc::clone(&prefix);
            tokio::spawn(async move {
                for check in 0..CHECKS {
                    let number = (task + check) % KEYS;
                    let identifier = number.to_string();
                    let key = Key::new(&prefix, "p", "t", &identifier);
                    let decision = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
                    if decision.unwrap().is_allowed() {
                        admitted[number].fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let flushes = flushes.await.unwrap();
    assert!(flushes > 20, "{flushes} flushes");
    for admitted in &*admitted {
        assert_eq!(admitted.load(Ordering::Relaxed), CAPACITY);
    }
    // They met the store: each of its two connections asks one question by EVAL, the rest is the
    // script that was gone.
    let missed = calls(&mut counter, "eval").await;
    println!("{flushes} flushes, {missed} calls met one");
    assert!(missed > 20, "{missed}");
}
