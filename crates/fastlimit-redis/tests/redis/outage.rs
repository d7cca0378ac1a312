//! The server stops, hangs and comes back.

use std::time::{Duration, Instant};

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Limit, StoreErrorKind};
use fastlimit_redis::RedisStore;
use fastlimit_test_redis::{ExclusiveRedis, TestRedis};
use tokio::time::{sleep, timeout};

use crate::rig::{apply, check, connection, connections_received};

const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);
const TIMEOUT: Duration = Duration::from_millis(200);
/// How long after the server the store is back: the longest pause between two attempts, and one.
const BACK: Duration = Duration::from_millis(1_000);
/// What the tests' own machine may take besides.
const SLACK: Duration = Duration::from_millis(400);

async fn start(url_ending: &str) -> (ExclusiveRedis, RedisStore) {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::builder(format!("{}{url_ending}", redis.url()))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .connect()
        .await
        .unwrap();
    (redis, store)
}

async fn checks(store: &RedisStore, count: usize) -> Vec<Result<Cost, (StoreErrorKind, String)>> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { check(&store).await })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Waits until checks are answered again.
async fn until_back(store: &RedisStore) {
    let began = Instant::now();
    while let Err((kind, text)) = check(store).await {
        assert!(kind.is_known_uncharged(), "{text}");
        assert!(began.elapsed() < BACK + SLACK, "{text}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_is_an_error_and_a_restarted_one_is_none() {
    let (redis, store) = start("").await;
    for _ in 0..3 {
        for result in checks(&store, 20).await {
            result.unwrap();
        }
        redis.stop().unwrap();
        let began = Instant::now();
        for result in checks(&store, 200).await {
            let (kind, text) = result.unwrap_err();
            assert!(
                matches!(
                    kind,
                    StoreErrorKind::NotSent | StoreErrorKind::OutcomeUnknown
                ),
                "{text}"
            );
            assert!(text.contains(&redis.addr().to_string()), "{text}");
        }
        assert!(began.elapsed() < TIMEOUT + SLACK, "{:?}", began.elapsed());
        // It is known by now that there is no server.
        for _ in 0..20 {
            let (kind, text) = check(&store).await.unwrap_err();
            assert_eq!(kind, StoreErrorKind::NotSent, "{text}");
        }
        redis.restart().unwrap();
        until_back(&store).await;
        for result in checks(&store, 200).await {
            result.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_that_nobody_saw_the_store_is_back() {
    let (redis, store) = start("").await;
    check(&store).await.unwrap();
    redis.restart().unwrap();
    until_back(&store).await;
    for result in checks(&store, 50).await {
        result.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_closes_fail_nobody() {
    for protocol in ["resp2", "resp3"] {
        connections_are_closed(&format!("?protocol={protocol}")).await;
    }
}

async fn connections_are_closed(url_ending: &str) {
    let (redis, store) = start(url_ending).await;
    let mut admin = connection(redis.url()).await;
    for _ in 0..20 {
        check(&store).await.unwrap();
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL")
            .arg("TYPE")
            .arg("normal")
            .arg("SKIPME")
            .arg("yes");
        let killed: i64 = kill.query_async(&mut admin).await.unwrap();
        assert!(killed >= 1);
        // Until the client has read the end of its connections.
        sleep(Duration::from_millis(50)).await;
    }
    for result in checks(&store, 50).await {
        result.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_server_costs_the_timeouts_and_works_again() {
    let (redis, store) = start("").await;
    for _ in 0..2 {
        check(&store).await.unwrap();
        redis.pause().unwrap();
        let began = Instant::now();
        let mut queued = 0;
        // More than two calls hold.
        for result in checks(&store, 600).await {
            let (kind, text) = result.unwrap_err();
            // What was sent, and what waited behind it.
            match kind {
                StoreErrorKind::NotSent => queued += 1,
                kind => assert_eq!(kind, StoreErrorKind::OutcomeUnknown, "{text}"),
            }
        }
        assert!((1..600).contains(&queued), "{queued}");
        let took = began.elapsed();
        assert!((TIMEOUT..TIMEOUT + SLACK).contains(&took), "{took:?}");

        // All went by one connection. Whoever asks next finds out about the other.
        for result in checks(&store, 100).await {
            result.unwrap_err();
        }
        // The connections are given up, and new ones hang.
        let began = Instant::now();
        for result in checks(&store, 100).await {
            let (kind, text) = result.unwrap_err();
            assert_eq!(kind, StoreErrorKind::NotSent, "{text}");
        }
        assert!(began.elapsed() < SLACK, "{:?}", began.elapsed());
        redis.resume().unwrap();
        until_back(&store).await;
        for result in checks(&store, 100).await {
            result.unwrap();
        }
    }
}

/// Nobody waits long enough to see that the server does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_server_is_found_out_though_its_callers_go_away() {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::builder(redis.url())
        .timeout(TIMEOUT)
        .connections(1);
    let store = store.connect().await.unwrap();
    check(&store).await.unwrap();
    redis.pause().unwrap();
    let gone = timeout(TIMEOUT / 20, check(&store)).await;
    assert!(gone.is_err());
    // The connection may be given up once the server's time is over, and not before.
    sleep(TIMEOUT + SLACK / 2).await;
    let began = Instant::now();
    let (kind, text) = check(&store).await.unwrap_err();
    assert_eq!(kind, StoreErrorKind::NotSent, "{text}");
    assert!(began.elapsed() < TIMEOUT / 2, "{:?}", began.elapsed());
    redis.resume().unwrap();
    until_back(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_hangs_does_not_keep_the_store_away() {
    let (redis, store) = start("").await;
    redis.pause().unwrap();
    for result in checks(&store, 20).await {
        result.unwrap_err();
    }
    // An attempt to connect hangs, and is half through its time when the server is lost.
    sleep(CONNECT_TIMEOUT / 2).await;
    redis.restart().unwrap();
    until_back(&store).await;
    for result in checks(&store, 100).await {
        result.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_under_load_leave_a_store_that_works() {
    let (redis, store) = start("").await;
    let load = tokio::spawn({
        let store = store.clone();
        async move {
            let end = Instant::now() + Duration::from_secs(2);
            let mut failed = 0_u32;
            while Instant::now() < end {
                for result in checks(&store, 16).await {
                    if let Err((kind, text)) = result {
                        failed += 1;
                        assert!(
                            matches!(
                                kind,
                                StoreErrorKind::NotSent | StoreErrorKind::OutcomeUnknown
                            ),
                            "{text}"
                        );
                    }
                }
            }
            failed
        }
    });
    for _ in 0..5 {
        sleep(Duration::from_millis(200)).await;
        tokio::task::block_in_place(|| {
            redis.stop().unwrap();
            redis.restart().unwrap();
        });
        until_back(&store).await;
        for result in checks(&store, 20).await {
            result.unwrap();
        }
    }
    let failed = load.await.unwrap();
    println!("{failed} requests failed in five restarts");
    check(&store).await.unwrap();
}

#[tokio::test]
async fn a_full_server_refuses_charges_and_still_denies() {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::connect(redis.url()).await.unwrap();
    let mut admin = connection(redis.url()).await;
    let limit: Limit = "2/day".parse().unwrap();
    let key = Key::new("fl", "default", "default", "spent");
    let two = Operation::Check(Cost::requests(2));
    assert!(apply(&store, key, limit, two).await.unwrap().is_allowed());
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "1"])
        .query_async(&mut admin)
        .await
        .unwrap();
    let denied = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
    assert!(!denied.unwrap().is_allowed());
    let other = Key::new("fl", "default", "default", "fresh");
    let error = apply(&store, other, limit, Operation::Check(Cost::ONE)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    assert!(error.message().contains("OOM"), "{error}");
}

#[tokio::test]
async fn a_replica_refuses_and_its_connection_is_dropped() {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::builder(redis.url())
        .connections(1)
        .connect()
        .await
        .unwrap();
    let mut admin = connection(redis.url()).await;
    let limit: Limit = "2/day".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let () = redis::cmd("REPLICAOF")
        .arg(&["127.0.0.1", "1"])
        .query_async(&mut admin)
        .await
        .unwrap();
    let before = connections_received(&mut admin).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let error = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
        let text = error.message();
        assert!(
            text.contains("READONLY") || text.contains("is a replica"),
            "{error}"
        );
        sleep(Duration::from_millis(1)).await;
    }
    // With pauses that double.
    let opened = connections_received(&mut admin).await - before;
    assert!((1..=10).contains(&opened), "{opened}");
    let () = redis::cmd("REPLICAOF")
        .arg(&["NO", "ONE"])
        .query_async(&mut admin)
        .await
        .unwrap();
    until_back(&store).await;
}
