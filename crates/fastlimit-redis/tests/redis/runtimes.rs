//! One store and many runtimes, or none.

use std::sync::{Arc, OnceLock};
use std::thread;

use fastlimit_core::store::Operation;
use fastlimit_core::{Cost, Limit};
use fastlimit_redis::RedisStore;
use tokio::runtime::{Builder, Runtime};

use crate::rig::{Rig, apply};

/// A runtime, each other one with several threads.
fn runtime(number: u64) -> Runtime {
    let mut builder = match number % 2 {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn a_store_outlives_the_runtime_it_was_connected_on() {
    let rig = Rig::new();
    let limit: Limit = "1000/day".parse().unwrap();
    let mut store: Option<RedisStore> = None;
    let mut used = 0;
    for runtime in (0..10).map(runtime) {
        runtime.block_on(async {
            let store = match &mut store {
                Some(store) => store,
                none => none.insert(rig.store().await),
            };
            for _ in 0..5 {
                used += 1;
                let decision = apply(store, rig.key("a"), limit, Operation::Check(Cost::ONE)).await;
                assert_eq!(
                    decision.unwrap().remaining_cost(),
                    Cost::requests(1_000 - used)
                );
            }
        });
    }
}

/// As in a synchronous program that enters a runtime for each call.
#[test]
fn a_runtime_that_stands_still_harms_nobody() {
    let rig = Rig::new();
    let limit: Limit = "1000/day".parse().unwrap();
    let [first, second] = [(); 2].map(|()| Builder::new_current_thread().build().unwrap());
    let store = first.block_on(rig.store());
    for left in (994..1_000).rev() {
        let runtime = if left % 2 == 0 { &first } else { &second };
        let check = apply(&store, rig.key("a"), limit, Operation::Check(Cost::ONE));
        let decision = runtime.block_on(check).unwrap();
        assert_eq!(decision.remaining_cost(), Cost::requests(left));
    }
}

/// Neither the store nor who asks needs a runtime around it, or one with drivers.
#[test]
fn no_runtime_is_needed() {
    let rig = Rig::new();
    let limit: Limit = "1000/day".parse().unwrap();
    let store = futures_executor::block_on(rig.store());
    let check = || apply(&store, rig.key("a"), limit, Operation::Check(Cost::ONE));
    assert_eq!(
        futures_executor::block_on(check())
            .unwrap()
            .remaining_cost(),
        Cost::requests(999)
    );
    let without_drivers = Builder::new_current_thread().build().unwrap();
    assert_eq!(
        without_drivers.block_on(check()).unwrap().remaining_cost(),
        Cost::requests(998)
    );
}

#[test]
fn runtimes_that_come_and_go_harm_nobody() {
    const THREADS: u64 = 8;
    const CALLS: u64 = 200;
    let rig = Arc::new(Rig::new());
    let limit: Limit = "1000000/day".parse().unwrap();
    let store = futures_executor::block_on(rig.store());
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (rig, store) = (Arc::clone(&rig), store.clone());
            thread::spawn(move || {
                for runtime in (0..CALLS).map(runtime) {
                    let check = apply(&store, rig.key("a"), limit, Operation::Check(Cost::ONE));
                    let _ = runtime.block_on(check).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let usage = apply(&store, rig.key("a"), limit, Operation::Peek(Cost::ZERO));
    let usage = futures_executor::block_on(usage).unwrap();
    assert_eq!(
        usage.remaining_cost(),
        Cost::requests(1_000_000 - THREADS * CALLS)
    );
}

/// A store that parallel tests share, each on a runtime of its own.
#[test]
fn a_static_store_serves_every_runtime() {
    static STORE: OnceLock<RedisStore> = OnceLock::new();
    let rig = Arc::new(Rig::new());
    let limit: Limit = "1000000/day".parse().unwrap();
    let threads: Vec<_> = (0..24)
        .map(|number: u64| {
            let rig = Arc::clone(&rig);
            thread::spawn(move || {
                runtime(number).block_on(async {
                    let store = match STORE.get() {
                        Some(store) => store,
                        None => {
                            let store = rig.store().await;
                            STORE.get_or_init(|| store)
                        }
                    };
                    let identifier = number.to_string();
                    for left in (0..20).rev() {
                        let key = rig.key(&identifier);
                        let decision = apply(store, key, limit, Operation::Check(Cost::ONE)).await;
                        let left = Cost::requests(1_000_000 - 20 + left);
                        assert_eq!(decision.unwrap().remaining_cost(), left);
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
