//! One store and many runtimes, or none.

use fastlimit_core::store::Operation;
use fastlimit_core::{Cost, Limit, StoreErrorKind};
use fastlimit_redis::{ConnectError, RedisStore};
use tokio::runtime::{Builder, Runtime};

use crate::rig::{Rig, apply};

fn runtimes() -> impl Iterator<Item = Runtime> {
    (0..10).map(|index| {
        let mut builder = match index % 2 {
            0 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.enable_all().build().unwrap()
    })
}

#[test]
fn a_store_outlives_the_runtime_it_was_connected_on() {
    let rig = Rig::new();
    let limit: Limit = "1000/day".parse().unwrap();
    let mut store: Option<RedisStore> = None;
    let mut used = 0;
    for runtime in runtimes() {
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

#[test]
fn a_runtime_that_stands_still_is_replaced_after_a_timeout() {
    let rig = Rig::new();
    let limit: Limit = "1000/day".parse().unwrap();
    let mut all = runtimes();
    let (still, other) = (all.next().unwrap(), all.next().unwrap());
    let store = RedisStore::connect(rig.url());
    let store = still.block_on(store).unwrap();
    other.block_on(async {
        let mut failed = 0;
        loop {
            match apply(&store, rig.key("a"), limit, Operation::Check(Cost::ONE)).await {
                Ok(_) => break,
                Err(error) => {
                    // It never left: that runtime would have sent it.
                    assert_eq!(error.kind(), StoreErrorKind::NotSent, "{error}");
                    failed += 1;
                }
            }
        }
        assert!(failed <= 1, "{failed}");
    });
    drop(still);
}

#[test]
fn without_a_runtime_there_is_an_error() {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    let rig = Rig::new();
    let mut context = Context::from_waker(Waker::noop());
    let connect = pin!(RedisStore::connect(rig.url())).poll(&mut context);
    assert!(matches!(connect, Poll::Ready(Err(ConnectError::NoRuntime))));

    let runtime = runtimes().nth(1).unwrap();
    let store = runtime.block_on(rig.store());
    let limit: Limit = "1000/day".parse().unwrap();
    let check = apply(&store, rig.key("a"), limit, Operation::Check(Cost::ONE));
    let Poll::Ready(Err(error)) = pin!(check).poll(&mut context) else {
        panic!("it waits for nothing")
    };
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
    assert!(error.message().contains("tokio runtime"), "{error}");
}
