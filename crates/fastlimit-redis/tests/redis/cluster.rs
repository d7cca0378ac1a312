//! A cluster whose slots move and whose servers go away.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Limit, RateLimiter, Store, StoreErrorKind};
use fastlimit_redis::{ConnectError, RedisStore};
use fastlimit_test_redis::TestCluster;
use futures_util::future::join_all;
use tokio::time::sleep;

use crate::rig::apply;

const LONG: Duration = Duration::from_secs(20);

async fn store(cluster: &TestCluster) -> RedisStore {
    RedisStore::cluster(cluster.urls())
        .timeout(LONG)
        .connect()
        .await
        .unwrap()
}

fn key(identifier: &str) -> Key<'_> {
    Key::new("fl", "default", "default", identifier)
}

/// How often a command was called on all masters.
fn calls(cluster: &TestCluster, command: &str) -> u64 {
    (0..cluster.nodes().len())
        .map(|node| cluster.commandstats(node, command).unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_together_leaves_in_one_call_for_each_slot() {
    let cluster = TestCluster::start(3, 0).unwrap();
    // A server has one connection, so that what waits for it waits together.
    let store = RedisStore::cluster(cluster.urls())
        .timeout(LONG)
        .connections(1);
    let store = store.connect().await.unwrap();
    let limit: Limit = "1000/day".parse().unwrap();
    let identifiers: Vec<_> = (0..300)
        .map(|number| format!("user:{}", number % 100))
        .collect();
    let ask = async || {
        let requests: Vec<_> = identifiers
            .iter()
            .map(|identifier| Request::new(key(identifier), limit, Operation::Check(Cost::ONE)))
            .collect();
        let answers = join_all(store.apply_all(&requests)).await;
        answers.into_iter().for_each(|answer| {
            assert!(answer.unwrap().is_allowed());
        });
    };
    // The first calls load the script.
    ask().await;
    let (evals, before) = (calls(&cluster, "eval"), calls(&cluster, "evalsha"));
    ask().await;
    let made = calls(&cluster, "evalsha") - before;
    let slots: std::collections::HashSet<_> = identifiers
        .iter()
        .map(|identifier| cluster.slot_of(key(identifier).to_string()).unwrap())
        .collect();
    let slots = u64::try_from(slots.len()).unwrap();
    // What is added while a server works on what came before leaves in calls of its own.
    assert!(
        (slots..=2 * slots).contains(&made),
        "{made} calls for {slots} slots"
    );
    assert_eq!(calls(&cluster, "eval"), evals);
}

/// Slots with two identifiers each.
fn pairs_of_a_slot(cluster: &TestCluster, count: usize) -> Vec<(u16, [String; 2])> {
    let mut known = HashMap::<u16, String>::new();
    let mut pairs = Vec::new();
    let mut number = 0;
    while pairs.len() < count {
        number += 1;
        let identifier = format!("user:{number}");
        let slot = cluster.slot_of(key(&identifier).to_string()).unwrap();
        match known.remove(&slot) {
            Some(other) => pairs.push((slot, [other, identifier])),
            None => _ = known.insert(slot, identifier),
        }
    }
    pairs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_admit_exactly_the_limit_and_fail_nobody() {
    const TASKS: usize = 16;
    const MOVES: usize = 5;
    let cluster = Arc::new(TestCluster::start(3, 0).unwrap());
    let store = store(&cluster).await;
    let limit: Limit = "2000/day".parse().unwrap();
    // Two subjects of each slot, whose checks leave together: while their slot moves, one may be here
    // and the other there.
    let pairs = pairs_of_a_slot(&cluster, MOVES);
    let slots: Vec<u16> = pairs.iter().map(|(slot, _)| *slot).collect();
    let identifiers: Vec<String> = pairs.into_iter().flat_map(|(_, pair)| pair).collect();
    let identifiers = Arc::new(identifiers);
    let is_over = Arc::new(AtomicBool::new(false));
    let allowed: Arc<Vec<AtomicU64>> =
        Arc::new(identifiers.iter().map(|_| AtomicU64::new(0)).collect());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, identifiers) = (store.clone(), Arc::clone(&identifiers));
            let (is_over, allowed) = (Arc::clone(&is_over), Arc::clone(&allowed));
            tokio::spawn(async move {
                let mut turn = task;
                while !is_over.load(Ordering::Relaxed) {
                    turn += 1;
                    let pair = [0, 1].map(|one| 2 * (turn % MOVES) + one);
                    let check = Operation::Check(Cost::ONE);
                    let requests =
                        pair.map(|place| Request::new(key(&identifiers[place]), limit, check));
                    let decisions = join_all(store.apply_all(&requests)).await;
                    for (place, decision) in pair.into_iter().zip(decisions) {
                        if decision.unwrap().is_allowed() {
                            allowed[place].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            })
        })
        .collect();
    let moved = {
        let cluster = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || {
            for _ in 0..2 {
                for slot in &slots {
                    let to = (cluster.node_of_slot(*slot).unwrap() + 1) % 3;
                    cluster.begin_move(*slot, to).unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                    cluster.finish_move(*slot, to).unwrap();
                }
            }
        })
    };
    moved.await.unwrap();
    // Until every limit is spent.
    let began = Instant::now();
    while began.elapsed() < LONG {
        let left = identifiers.iter().map(async |identifier| {
            let usage = apply(&store, key(identifier), limit, Operation::Peek(Cost::ZERO)).await;
            usage.unwrap().remaining()
        });
        if join_all(left).await.into_iter().sum::<u64>() == 0 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    for allowed in &*allowed {
        assert_eq!(allowed.load(Ordering::Relaxed), 2_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_killed_fails_its_slots_alone_until_its_replica_takes_over() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    // So that the other masters go on without the slots of the one that is lost.
    let args = ["--cluster-require-full-coverage", "no"];
    let cluster = TestCluster::start_with(3, 1, &args).unwrap();
    let store = RedisStore::cluster(cluster.urls()).timeout(TIMEOUT);
    let store = store.connect().await.unwrap();
    let limit: Limit = "1000000/day".parse().unwrap();
    let check = async |identifier: &str| {
        let began = Instant::now();
        let answer = apply(&store, key(identifier), limit, Operation::Check(Cost::ONE)).await;
        let took = began.elapsed();
        assert!(took < TIMEOUT + Duration::from_millis(300), "{took:?}");
        answer
    };
    let owners: Vec<_> = (0..60)
        .map(|number| {
            let identifier = format!("user:{number}");
            let slot = cluster.slot_of(key(&identifier).to_string()).unwrap();
            (cluster.node_of_slot(slot).unwrap(), identifier)
        })
        .collect();
    for (_, identifier) in &owners {
        assert!(check(identifier).await.unwrap().is_allowed());
    }
    let lost = owners[0].0;
    cluster.nodes()[lost].stop().unwrap();
    // Until the end of the connections is known.
    sleep(Duration::from_millis(50)).await;
    let (mut failed, mut others) = (0, 0);
    for (owner, identifier) in &owners {
        match check(identifier).await {
            Ok(_) => others += usize::from(*owner != lost),
            Err(error) => {
                assert_eq!(*owner, lost, "{error}");
                assert!(error.kind().is_known_uncharged(), "{error}");
                failed += 1;
            }
        }
    }
    assert!(
        failed > 0 && others > 0,
        "{failed} failed, {others} did not"
    );
    let slot = cluster.slot_of(key(&owners[0].1).to_string()).unwrap();
    cluster.wait_for_failover(slot, lost, LONG).unwrap();
    let promoted = Instant::now();
    for (_, identifier) in &owners {
        while let Err(error) = check(identifier).await {
            assert!(promoted.elapsed() < Duration::from_secs(2), "{error}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn health_asks_every_master() {
    let cluster =
        TestCluster::start_with(3, 0, &["--cluster-require-full-coverage", "no"]).unwrap();
    let store = RedisStore::cluster(cluster.urls()).connect().await.unwrap();
    let limiter = RateLimiter::new(store);
    let before = calls(&cluster, "evalsha");
    limiter.health().await.unwrap();
    assert!(calls(&cluster, "evalsha") >= before + 3);
    for node in cluster.nodes() {
        node.stop().unwrap();
        sleep(Duration::from_millis(50)).await;
        limiter.health().await.unwrap_err();
        node.restart().unwrap();
        cluster.wait_until_ok(LONG).unwrap();
        let began = Instant::now();
        while let Err(error) = limiter.health().await {
            assert!(began.elapsed() < LONG, "{error}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn one_node_that_answers_is_enough_to_connect() {
    let cluster = TestCluster::start(3, 0).unwrap();
    let dead = "redis://127.0.0.1:1/".to_owned();
    let urls = [dead.clone(), cluster.urls()[1].clone()];
    let store = RedisStore::cluster(urls).connect().await.unwrap();
    let limit: Limit = "10/day".parse().unwrap();
    for identifier in ["a", "b", "c", "d", "e", "f"] {
        let check = apply(&store, key(identifier), limit, Operation::Check(Cost::ONE)).await;
        assert!(check.unwrap().is_allowed());
    }

    let error = RedisStore::cluster([dead]).connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    let none: [String; 0] = [];
    let error = RedisStore::cluster(none).connect().await.unwrap_err();
    assert!(error.to_string().contains("one URL at least"), "{error}");
}

#[tokio::test]
async fn a_cluster_is_told_from_a_server() {
    let cluster = TestCluster::start(1, 0).unwrap();
    let url = cluster.urls().remove(0);
    let error = RedisStore::connect(&url).await.unwrap_err();
    assert!(error.to_string().contains("RedisStore::cluster"), "{error}");
    let store = RedisStore::builder(&url).connect_lazily().unwrap();
    let limit: Limit = "10/day".parse().unwrap();
    let began = Instant::now();
    let error = loop {
        let check = apply(&store, key("a"), limit, Operation::Check(Cost::ONE)).await;
        let error = check.unwrap_err();
        if error.kind() == StoreErrorKind::Misconfigured || began.elapsed() > LONG {
            break error;
        }
    };
    assert!(error.message().contains("RedisStore::cluster"), "{error}");
}
