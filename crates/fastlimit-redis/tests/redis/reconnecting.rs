//! How often a server that cannot be used is tried, and how soon it is used when it can be.

use std::time::{Duration, Instant};

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Limit, StoreErrorKind};
use fastlimit_redis::RedisStore;
use fastlimit_test_redis::{Fault, FaultProxy, TestRedis};
use tokio::time::sleep;

use crate::rig::{apply, check};

/// As long as connections are counted, and how many there may be: attempts with pauses that double.
const WHILE: Duration = Duration::from_secs(3);
const MOST: u64 = 16;

/// Makes a server unusable by a command, counts the attempts to use it, and undoes that.
async fn counted(
    set: &[&str],
    undo: &[&str],
    url: impl Fn(&str) -> String,
    kinds: &[StoreErrorKind],
) {
    let redis = TestRedis::start_with(&["--enable-debug-command", "local"]).unwrap();
    let mut admin = redis.client().unwrap();
    let mut order = |words: &[&str]| {
        let _ = admin.command(words).unwrap();
    };
    order(&["ACL", "SETUSER", "ada", "on", ">secret", "~*", "+@all"]);
    let proxy = FaultProxy::start(redis.addr()).unwrap();
    let store = RedisStore::connect(url(proxy.url())).await.unwrap();
    check(&store).await.unwrap();
    order(set);
    let before = proxy.connections_opened();
    let began = Instant::now();
    let (mut asked, mut failed, mut longest) = (0_u32, 0_u32, Duration::ZERO);
    while began.elapsed() < WHILE {
        let one = Instant::now();
        if let Err((kind, text)) = check(&store).await {
            failed += 1;
            assert!(
                kinds.contains(&kind) || kind == StoreErrorKind::OutcomeUnknown,
                "{text}"
            );
        }
        longest = longest.max(one.elapsed());
        asked += 1;
        sleep(Duration::from_millis(1)).await;
    }
    let opened = proxy.connections_opened() - before;
    println!("{set:?}: {opened} connections, {failed} of {asked} failed, longest {longest:?}");
    assert!(failed > 100, "{failed}");
    assert!(opened <= MOST, "{opened}");
    order(undo);
    let began = Instant::now();
    while check(&store).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(2));
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_left_alone() {
    counted(
        &["REPLICAOF", "127.0.0.1", "1"],
        &["REPLICAOF", "NO", "ONE"],
        str::to_owned,
        &[StoreErrorKind::Refused],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_refused_is_not_tried_again_and_again() {
    for protocol in ["resp2", "resp3"] {
        counted(
            &["ACL", "DELUSER", "ada"],
            &["ACL", "SETUSER", "ada", "on", ">secret", "~*", "+@all"],
            |url| {
                format!(
                    "{}?protocol={protocol}",
                    url.replace("redis://", "redis://ada:secret@")
                )
            },
            &[StoreErrorKind::Misconfigured],
        )
        .await;
    }
}

/// One connection works and the other is refused: the one that works is no reason to try the other
/// again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_works_is_no_reason_to_try_another_without_a_pause() {
    let redis = TestRedis::start().unwrap();
    let proxy = FaultProxy::start(redis.addr()).unwrap();
    // One for the store, and one to set it.
    let mut admin = redis.client().unwrap();
    let _ = admin
        .command(&["CONFIG", "SET", "maxclients", "2"])
        .unwrap();
    let store = RedisStore::connect(proxy.url()).await.unwrap();
    let limit: Limit = "1000000/day".parse().unwrap();
    let began = Instant::now();
    let before = proxy.connections_opened();
    while began.elapsed() < WHILE {
        for identifier in ["a", "b", "c", "d"] {
            let key = Key::new("fl", "default", "default", identifier);
            let decision = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
            assert!(decision.unwrap().is_allowed());
        }
    }
    let opened = proxy.connections_opened() - before;
    assert!((1..=MOST).contains(&opened), "{opened}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_a_word_of_the_server_hides_nothing() {
    let redis = TestRedis::start().unwrap();
    let mut admin = redis.client().unwrap();
    for password in ["hunter2", "PASS"] {
        let words = ["ACL", "SETUSER", "ada", "resetpass", "on", "~*", "+@all"];
        let set = format!(">{password}");
        let _ = admin.command(&[&words[..], &[&*set]].concat()).unwrap();
        let url = redis
            .url()
            .replace("redis://", &format!("redis://ada:{password}@"));
        let store = RedisStore::connect(url).await.unwrap();
        let _ = admin
            .command(&[&words[..], &[">rotated"]].concat())
            .unwrap();
        let _ = admin.command(&["CLIENT", "KILL", "USER", "ada"]).unwrap();
        let began = Instant::now();
        let (kind, text) = loop {
            match check(&store).await {
                Err((StoreErrorKind::OutcomeUnknown | StoreErrorKind::NotSent, _)) | Ok(_)
                    if began.elapsed() < Duration::from_secs(5) => {}
                answer => break answer.unwrap_err(),
            }
        };
        assert_eq!(kind, StoreErrorKind::Misconfigured, "{text}");
        assert!(text.contains("WRONGPASS"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_starts_while_its_server_is_away() {
    let redis = TestRedis::start().unwrap();
    redis.stop().unwrap();
    RedisStore::connect(redis.url()).await.unwrap_err();
    let store = RedisStore::builder(redis.url()).connect_lazily().unwrap();
    // Once the first attempt has failed.
    sleep(Duration::from_millis(100)).await;
    for _ in 0..100 {
        let began = Instant::now();
        let (kind, text) = check(&store).await.unwrap_err();
        assert_eq!(kind, StoreErrorKind::NotSent, "{text}");
        assert!(
            began.elapsed() < Duration::from_millis(20),
            "{:?}",
            began.elapsed()
        );
    }
    redis.restart().unwrap();
    let began = Instant::now();
    while check(&store).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(1));
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_hangs_is_hedged() {
    let redis = TestRedis::start().unwrap();
    let proxy = FaultProxy::start(redis.addr()).unwrap();
    let store = RedisStore::builder(proxy.url()).connect_timeout(Duration::from_secs(8));
    let store = store.connections(1).connect().await.unwrap();
    check(&store).await.unwrap();
    // The connection is lost, and the reply to the next handshake too.
    proxy.set(Fault::BlackHole).unwrap();
    let (kind, text) = check(&store).await.unwrap_err();
    assert_eq!(kind, StoreErrorKind::OutcomeUnknown, "{text}");
    sleep(Duration::from_millis(100)).await;
    proxy.set(Fault::HoleExisting).unwrap();
    let began = Instant::now();
    while check(&store).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(2));
        sleep(Duration::from_millis(5)).await;
    }
}

/// Of many cycles of a fault nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_faults_leave_nothing_behind() {
    let redis = TestRedis::start().unwrap();
    let proxy = FaultProxy::start(redis.addr()).unwrap();
    let store = RedisStore::connect(proxy.url()).await.unwrap();
    check(&store).await.unwrap();
    let threads = || {
        std::fs::read_dir("/proc/self/task")
            .map(Iterator::count)
            .ok()
    };
    let until_back = async || {
        while check(&store).await.is_err() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    until_back().await;
    let before = (proxy.connections_live(), threads());
    for _ in 0..100 {
        proxy.close_all().unwrap();
        until_back().await;
    }
    let began = Instant::now();
    loop {
        let after = (proxy.connections_live(), threads());
        // Other tests have threads too.
        if after.0 <= before.0 {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{before:?}, {after:?}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}
