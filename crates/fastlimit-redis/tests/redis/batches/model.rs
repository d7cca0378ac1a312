//! Random batches: each item has the decision that the model in core has for it in its turn, and
//! what is stored in the end is the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use fastlimit_core::store::{Entry, Request};
use fastlimit_core::{Clock, Limit, ManualClock, Policy};
use fastlimit_redis::RedisStoreBuilder;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use redis::cmd;

use super::together;
use crate::histories::{
    Kind, Op, Time, limit, limits, moved, operation, operation_at, period, start, time,
};
use crate::rig::{Rig, at, patient};

/// What is asked at one time.
#[derive(Clone, Debug)]
struct Round {
    time: Time,
    asked: Vec<(Vec<Limit>, Op)>,
    /// A key and what is asked of it.
    items: Vec<(usize, Index)>,
}

/// Each key once and all the same, or a few keys of which different things are asked.
fn items() -> impl Strategy<Value = Vec<(usize, Index)>> {
    let count = prop_oneof![
        3 => 1_usize..30,
        2 => 30_usize..=256,
        // More than leave together.
        1 => 257_usize..600,
    ];
    let few = (1_usize..7, count)
        .prop_flat_map(|(keys, count)| prop::collection::vec((0..keys, any::<Index>()), count));
    let each_once = (1_usize..=256, any::<Index>())
        .prop_map(|(keys, what)| (0..keys).map(|key| (key, what)).collect());
    prop_oneof![4 => few, 1 => each_once]
}

fn round(kinds: &[Kind]) -> impl Strategy<Value = Round> + use<> {
    let any = (limits(kinds.to_vec()), operation(kinds));
    // What the script does by hand.
    let fixed_window = (kinds[0].0, 0);
    let common = (1_u32..200, 1_u64..4_000).prop_map(move |(requests, cost)| {
        (vec![limit(requests, 1, fixed_window)], Op::Check(cost))
    });
    let asked = prop_oneof![2 => any.boxed(), 1 => common.boxed()];
    let asked = prop_oneof![
        6 => prop::collection::vec(asked.clone(), 1..8),
        1 => prop::collection::vec(asked, 100..=256),
    ];
    (time(kinds), asked, items()).prop_map(|(time, asked, items)| Round { time, asked, items })
}

fn history() -> impl Strategy<Value = (u64, Vec<Round>)> {
    let kind = (period(), 0_usize..4);
    let rounds = prop::collection::btree_set(kind, 1..=4).prop_flat_map(|kinds| {
        let kinds: Vec<_> = kinds.into_iter().collect();
        prop::collection::vec(round(&kinds), 2..6)
    });
    (start(), rounds)
}

#[test]
fn batches_on_one_connection_equal_the_model() {
    batches_equal_the_model(|builder| builder.connections(1));
}

#[test]
fn batches_on_several_connections_equal_the_model() {
    batches_equal_the_model(|builder| builder);
}

fn batches_equal_the_model(set: fn(RedisStoreBuilder) -> RedisStoreBuilder) {
    const HISTORIES: u32 = 160;
    let rig = Rig::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let clock = ManualClock::default();
    let store = set(patient(rig.url()).clock(clock.clone()));
    let store = runtime.block_on(store.connect()).unwrap();
    let stored = runtime.block_on(rig.stored()).0;
    let (histories, rounds) = (AtomicU64::new(0), AtomicU64::new(0));

    let config = Config {
        cases: HISTORIES,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&history(), |(start, history)| {
        let number = histories.fetch_add(1, Ordering::Relaxed);
        let mut model = BTreeMap::new();
        clock.set(at(start));
        for round in history {
            clock.set(moved(clock.now(), &round.time));
            let asked: Vec<_> = round
                .asked
                .into_iter()
                .map(|(limits, op)| (Policy::new("default", limits).unwrap(), op))
                .collect();
            let mut items = Vec::new();
            for (key, what) in &round.items {
                let (policy, op) = &asked[what.index(asked.len())];
                let (entry, charged_at) = model
                    .entry(format!("{number}:{key}"))
                    .or_insert_with(|| (Entry::new(), at(start)));
                let operation = operation_at(op, clock.now(), *charged_at);
                let expected = entry
                    .apply(policy.limits(), operation, clock.now())
                    .decision;
                *charged_at = expected.charged_at();
                items.push((format!("{number}:{key}"), policy, operation, expected));
            }
            let requests = items
                .iter()
                .map(|(key, policy, operation, _)| Request::new(rig.key(key), *policy, *operation));
            let answers = runtime.block_on(async { together(&store, requests).await });
            for (answer, (key, policy, operation, expected)) in answers.into_iter().zip(&items) {
                prop_assert_eq!(
                    answer.unwrap(),
                    expected.clone(),
                    "{:?} of {} under {}",
                    operation,
                    key,
                    policy
                );
            }

            let keys: Vec<_> = model.keys().map(|key| rig.key(key).to_string()).collect();
            let found: Vec<Option<Vec<u8>>> = runtime
                .block_on(cmd("MGET").arg(keys).query_async(&mut stored.clone()))
                .unwrap();
            for (found, (key, (entry, _))) in found.into_iter().zip(&model) {
                let mut bytes = Vec::new();
                entry.write_to(&mut bytes);
                prop_assert_eq!(found, (!entry.is_empty()).then_some(bytes), "{}", key);
            }
            rounds.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
    println!("{histories:?} histories, {rounds:?} rounds");
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(rounds.into_inner() >= 300);
}
