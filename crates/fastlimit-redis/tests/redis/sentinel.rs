//! Sentinels that make another server the master.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastlimit_redis::{ConnectError, RedisStore};
use fastlimit_test_redis::TestSentinels;
use tokio::time::sleep;

use crate::rig::check;

const LONG: Duration = Duration::from_secs(20);

/// Waits until checks are answered again; how long it took.
async fn until_back(store: &RedisStore) -> Duration {
    let began = Instant::now();
    while let Err((_, error)) = check(store).await {
        assert!(began.elapsed() < Duration::from_secs(2), "{error}");
        sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_follows_the_master() {
    let sentinels = Arc::new(TestSentinels::start(2, 3).unwrap());
    let store = RedisStore::sentinel(sentinels.urls(), sentinels.name());
    let store = store.connect().await.unwrap();
    check(&store).await.unwrap();

    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let load = tokio::spawn({
        let (store, is_over, answered) =
            (store.clone(), Arc::clone(&is_over), Arc::clone(&answered));
        async move {
            while !is_over.load(Ordering::Relaxed) {
                answered.fetch_add(check(&store).await.is_ok().into(), Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    for _ in 0..2 {
        // The master steps down alive; nobody closes its connections but it.
        let sentinels = Arc::clone(&sentinels);
        let new = tokio::task::spawn_blocking(move || {
            let new = sentinels.failover().unwrap();
            sentinels.wait_for_replicas(2, LONG).unwrap();
            new
        });
        let new = new.await.unwrap();
        let took = until_back(&store).await;
        println!("the master is server {new}, and the store was back after {took:?}");
        check(&store).await.unwrap();
    }
    let old = sentinels.master().unwrap();
    sentinels.servers()[old].stop().unwrap();
    let new = {
        let sentinels = Arc::clone(&sentinels);
        tokio::task::spawn_blocking(move || sentinels.wait_for_new_master(old, LONG).unwrap())
    };
    let new = new.await.unwrap();
    assert_ne!(new, old);
    until_back(&store).await;
    is_over.store(true, Ordering::Relaxed);
    load.await.unwrap();
    assert!(answered.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn what_is_no_master_is_told() {
    let sentinels = TestSentinels::start(1, 1).unwrap();
    let urls = sentinels.urls();
    // A Sentinel that is dead does not matter where another lives.
    let with_dead = ["redis://127.0.0.1:1/".to_owned(), urls[0].clone()];
    let store = RedisStore::sentinel(with_dead, sentinels.name());
    check(&store.connect().await.unwrap()).await.unwrap();

    let unknown = RedisStore::sentinel(&urls, "nobody").connect().await;
    let error = unknown.unwrap_err();
    assert!(
        matches!(error, ConnectError::UnknownMaster { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("`nobody`"), "{error}");

    let error = RedisStore::connect(&urls[0]).await.unwrap_err();
    assert!(
        error.to_string().contains("RedisStore::sentinel"),
        "{error}"
    );
    let master = sentinels.master().unwrap();
    let server = sentinels.servers()[master].url().to_owned();
    let no_sentinel = RedisStore::sentinel([server], sentinels.name());
    let error = no_sentinel.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::WrongServer { .. }), "{error}");
    let replica = sentinels.servers()[1 - master].url();
    let error = RedisStore::connect(replica).await.unwrap_err();
    assert!(matches!(error, ConnectError::Replica { .. }), "{error}");
}
