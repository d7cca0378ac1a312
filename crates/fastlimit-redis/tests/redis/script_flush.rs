//! The server forgets the script.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastlimit_core::{Cost, Limit, Operation};
use fastlimit_test_redis::TestRedis;
use redis::cmd;

use crate::rig::{Rig, apply, connection, patient};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_sees_a_flush_of_the_scripts() {
    // A server of its own: the other tests' scripts need not be flushed.
    let redis = TestRedis::start().unwrap();
    let rig = Rig::new();
    let store = patient(redis.url()).connect().await.unwrap();
    let mut admin = connection(redis.url()).await;
    let limit: Limit = "5000/day".parse().unwrap();
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
    let admitted = Arc::new(AtomicU64::new(0));
    let prefix: Arc<str> = rig.prefix.as_str().into();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (store, admitted) = (store.clone(), Arc::clone(&admitted));
            let prefix = Arc::clone(&prefix);
            tokio::spawn(async move {
                for _ in 0..200 {
                    let key = fastlimit_core::Key::new(&prefix, "p", "t", "hot");
                    let outcome = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
                    if outcome.unwrap().is_allowed() {
                        admitted.fetch_add(1, Ordering::Relaxed);
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
    assert_eq!(admitted.load(Ordering::Relaxed), 5_000);
}
