//! More is asked than the server answers: everybody has an answer in time, and what is not sent is
//! not charged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Limit, RateLimiter, Store, StoreErrorKind};
use fastlimit_redis::RedisStore;
use fastlimit_test_redis::{ExclusiveRedis, Fault, FaultProxy, TestRedis};
use tokio::time::{sleep, timeout};

use crate::rig::{apply, connection, connections_received};

const TIMEOUT: Duration = Duration::from_millis(500);
/// What the tests' own machine may take besides.
const SLACK: Duration = Duration::from_millis(250);

/// What became of checks.
#[derive(Debug, Default)]
struct Counts {
    allowed: AtomicU64,
    not_sent: AtomicU64,
    unknown: AtomicU64,
    given_up: AtomicU64,
    /// Microseconds.
    longest: AtomicU64,
}

impl Counts {
    fn all(&self) -> [u64; 4] {
        [&self.allowed, &self.not_sent, &self.unknown, &self.given_up]
            .map(|count| count.load(Ordering::SeqCst))
    }
}

/// Asks at a rate whatever comes of it, for keys by turns; callers go away after `patience`.
async fn open_loop(
    store: &RedisStore,
    per_second: u64,
    length: Duration,
    patience: Duration,
) -> Arc<Counts> {
    let counts = Arc::<Counts>::default();
    let limit: Limit = "1000000000/day".parse().unwrap();
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let mut asked = 0_u64;
    while began.elapsed() < length {
        let due = u64::try_from(began.elapsed().as_micros()).unwrap() * per_second / 1_000_000;
        while asked < due {
            let (store, counts) = (store.clone(), Arc::clone(&counts));
            tasks.spawn(async move {
                let identifier = (asked % 1_000).to_string();
                let key = Key::new("fl", "default", "default", &identifier);
                let began = Instant::now();
                let check = apply(&store, key, limit, Operation::Check(Cost::ONE));
                let count = match timeout(patience, check).await {
                    Err(_) => &counts.given_up,
                    Ok(Ok(_)) => &counts.allowed,
                    Ok(Err(error)) => match error.kind() {
                        StoreErrorKind::NotSent => &counts.not_sent,
                        StoreErrorKind::OutcomeUnknown => &counts.unknown,
                        kind => panic!("{kind:?}: {error}"),
                    },
                };
                count.fetch_add(1, Ordering::SeqCst);
                let took = u64::try_from(began.elapsed().as_micros()).unwrap();
                counts.longest.fetch_max(took, Ordering::SeqCst);
            });
            asked += 1;
        }
        while tasks.try_join_next().is_some() {}
        sleep(Duration::from_millis(1)).await;
    }
    while tasks.join_next().await.is_some() {}
    counts
}

async fn charged(redis: &ExclusiveRedis) -> u64 {
    let store = RedisStore::connect(redis.url()).await.unwrap();
    let limit: Limit = "1000000000/day".parse().unwrap();
    let mut charged = 0;
    for number in 0..1_000_u64 {
        let identifier = number.to_string();
        let key = Key::new("fl", "default", "default", &identifier);
        let usage = apply(&store, key, limit, Operation::Peek(Cost::ZERO))
            .await
            .unwrap();
        charged += 1_000_000_000 - usage.remaining();
    }
    charged
}

async fn behind_proxy(fault: Fault) -> (ExclusiveRedis, FaultProxy, RedisStore) {
    let redis = TestRedis::start().unwrap();
    let proxy = FaultProxy::start(redis.addr()).unwrap();
    let store = RedisStore::builder(proxy.url()).timeout(TIMEOUT);
    let store = store.connect().await.unwrap();
    // The server knows the script.
    let limit: Limit = "10/day".parse().unwrap();
    let warm = Key::new("fl", "default", "default", "warm");
    let _ = apply(&store, warm, limit, Operation::Check(Cost::ONE))
        .await
        .unwrap();
    proxy.set(fault).unwrap();
    (redis, proxy, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_replies_keep_nobody_waiting_beyond_his_time() {
    let late = Fault::Delay(Duration::from_millis(100));
    let (redis, proxy, store) = behind_proxy(late).await;
    let length = Duration::from_secs(2);
    let counts = open_loop(&store, 20_000, length, Duration::MAX / 4).await;
    println!("{counts:?}");
    let [allowed, not_sent, unknown, _] = counts.all();
    let longest = Duration::from_micros(counts.longest.load(Ordering::SeqCst));
    assert!(longest < TIMEOUT + SLACK, "{longest:?}");
    // Two calls of 256 for each of two connections take 100 ms; hardly any answer comes too late.
    assert!(
        allowed > 10_000 && not_sent > 0 && unknown < 2_000,
        "{counts:?}"
    );
    proxy.set(Fault::Pass).unwrap();
    let charged = charged(&redis).await;
    assert!(
        (allowed..=allowed + unknown).contains(&charged),
        "{charged}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_while_it_waited_is_not_charged() {
    let late = Fault::Delay(Duration::from_millis(200));
    let (redis, proxy, store) = behind_proxy(late).await;
    let length = Duration::from_secs(2);
    let counts = open_loop(&store, 10_000, length, Duration::from_millis(50)).await;
    println!("{counts:?}");
    let [_, _, _, given_up] = counts.all();
    assert!(given_up > 10_000, "{counts:?}");
    proxy.set(Fault::Pass).unwrap();
    // Two calls of 256 for each of two connections, each 200 ms.
    sleep(Duration::from_millis(300)).await;
    let most = 2 * 2 * 256 * (2_000 / 200 + 2);
    let charged = charged(&redis).await;
    assert!(charged <= most, "{charged} charged, {most} could be sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_way_is_not_stuffed() {
    let narrow = Fault::Throttle {
        bytes_per_second: 10_000,
    };
    let (redis, proxy, store) = behind_proxy(narrow).await;
    let counts = open_loop(&store, 1_000, Duration::from_secs(6), Duration::MAX / 4).await;
    println!("{counts:?}");
    let [allowed, _, unknown, _] = counts.all();
    assert!(allowed > 3 * unknown, "{counts:?}");
    proxy.set(Fault::Pass).unwrap();
    sleep(Duration::from_millis(500)).await;
    let charged = charged(&redis).await;
    assert!(
        (allowed..=allowed + unknown).contains(&charged),
        "{charged}"
    );
}

/// A batch that is refused for some of its keys is taken apart, and leaves in one trip again.
#[tokio::test]
async fn a_batch_that_is_taken_apart_takes_one_trip_more() {
    const TRIP: Duration = Duration::from_millis(50);
    let redis = TestRedis::start().unwrap();
    let mut admin = redis.client().unwrap();
    let user = ["ACL", "SETUSER", "ada", "on", ">secret", "+@all", "~ours:*"];
    let _ = admin.command(&user).unwrap();
    let proxy = FaultProxy::start(redis.addr()).unwrap();
    let url = proxy.url().replace("redis://", "redis://ada:secret@");
    let store = RedisStore::builder(url)
        .connections(1)
        .connect()
        .await
        .unwrap();
    let limit: Limit = "10/day".parse().unwrap();
    let warm = Key::new("ours", "p", "t", "warm");
    let check = Operation::Check(Cost::ONE);
    let _ = apply(&store, warm, limit, check).await.unwrap();
    proxy.set(Fault::Delay(TRIP)).unwrap();
    let identifiers: Vec<_> = (0..256).map(|number| number.to_string()).collect();
    let requests = identifiers.iter().enumerate().map(|(number, identifier)| {
        let prefix = if number % 8 == 0 { "theirs" } else { "ours" };
        Request::new(Key::new(prefix, "p", "t", identifier), limit, check)
    });
    let requests: Vec<_> = requests.collect();
    let began = Instant::now();
    let answers = futures_util::future::join_all(store.apply_all(&requests)).await;
    let took = began.elapsed();
    for (number, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(decision) => assert!(number % 8 > 0 && decision.is_allowed()),
            Err(error) => {
                assert!(number % 8 == 0, "{error}");
                assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
            }
        }
    }
    assert!((2 * TRIP..4 * TRIP + SLACK / 2).contains(&took), "{took:?}");
}

#[tokio::test]
async fn more_than_may_wait_fails_at_once() {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::builder(redis.url())
        .max_waiting(100)
        .connections(1);
    let store = store.connect().await.unwrap();
    redis.pause().unwrap();
    let limit: Limit = "1000/day".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let ask = || store.apply(&Request::new(key, limit, Operation::Check(Cost::ONE)));
    let began = Instant::now();
    // What is under way does not wait any more.
    let mut replies = Vec::new();
    for _ in 0..20_000 {
        replies.push(ask());
        tokio::task::yield_now().await;
    }
    let ready = replies
        .iter()
        .filter(|reply| matches!(reply, fastlimit_core::store::Reply::Ready(_)));
    assert!(ready.count() > 18_000);
    for reply in replies {
        let error = reply.await.unwrap_err();
        if error.message().contains("100 requests may wait") {
            assert_eq!(error.kind(), StoreErrorKind::NotSent);
        }
    }
    assert!(began.elapsed() < TIMEOUT + SLACK, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_request_has_a_time_of_its_own() {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::builder(redis.url()).timeout(Duration::from_secs(2));
    let limiter = RateLimiter::new(store.connect().await.unwrap());
    let limit: Limit = "1000/day".parse().unwrap();
    let _ = limiter.check("a", limit).await.unwrap();
    redis.pause().unwrap();
    for _ in 0..2 {
        let began = Instant::now();
        let request = limiter.request("a").timeout(Duration::from_millis(50));
        request.check(limit).await.unwrap_err();
        assert!(began.elapsed() >= Duration::from_millis(50));
        assert!(began.elapsed() < Duration::from_millis(50) + SLACK);
    }
    // The connection was not given up for their sake.
    let waits = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.check("a", limit).await }
    });
    sleep(Duration::from_millis(100)).await;
    redis.resume().unwrap();
    assert!(waits.await.unwrap().unwrap().is_allowed());
}

/// As where the process is stopped, or has no processor for a while: its answers are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_server_that_goes_on_in_time_loses_nothing() {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::connect(redis.url()).await.unwrap();
    let limit: Limit = "1000/day".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let _ = apply(&store, key, limit, Operation::Check(Cost::ONE))
        .await
        .unwrap();
    let mut admin = connection(redis.url()).await;
    let before = connections_received(&mut admin).await;
    for _ in 0..3 {
        redis.pause().unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let key = Key::new("fl", "default", "default", "a");
                    apply(&store, key, limit, Operation::Check(Cost::ONE)).await
                })
            })
            .collect();
        sleep(TIMEOUT / 4).await;
        redis.resume().unwrap();
        for task in tasks {
            assert!(task.await.unwrap().unwrap().is_allowed());
        }
    }
    assert_eq!(connections_received(&mut admin).await, before);
}
