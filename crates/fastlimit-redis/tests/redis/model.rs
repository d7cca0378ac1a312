//! Random histories: the decisions and the stored bytes are those of the model in core.

use std::sync::atomic::{AtomicU64, Ordering};

use fastlimit_core::store::{Entry, Operation};
use fastlimit_core::{Clock, Cost, Limit, ManualClock, Policy};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use crate::histories::{
    Kind, Op, Time, limit, limits, moved, operation, operation_at, period, start, time,
};
use crate::rig::{Rig, apply, at};

#[derive(Clone, Debug)]
struct Step {
    time: Time,
    limits: Vec<Limit>,
    operation: Op,
}

fn step(kinds: Vec<Kind>) -> impl Strategy<Value = Step> {
    let (time, operation) = (time(&kinds), operation(&kinds));
    (time, limits(kinds), operation).prop_map(|(time, limits, operation)| Step {
        time,
        limits,
        operation,
    })
}

fn history(algorithms: &'static [usize]) -> impl Strategy<Value = (u64, Vec<Step>)> {
    let kind = (period(), prop::sample::select(algorithms));
    let steps = prop::collection::btree_set(kind, 1..=4).prop_flat_map(|kinds| {
        let kinds: Vec<_> = kinds.into_iter().collect();
        prop::collection::vec(step(kinds), 1..16)
    });
    (start(), steps)
}

/// A policy that mostly allows what is asked of it, again and again.
fn history_of_one_policy(algorithms: &'static [usize]) -> impl Strategy<Value = (u64, Vec<Step>)> {
    let kind = (period(), prop::sample::select(algorithms));
    let kinds = prop::collection::btree_set(kind, 1..=5)
        .prop_map(Vec::from_iter)
        .prop_shuffle();
    let steps = (kinds, 20_u32..200).prop_flat_map(|(kinds, requests)| {
        let limits: Vec<_> = kinds
            .iter()
            .zip(requests..)
            .map(|(kind, requests)| limit(requests, requests, *kind))
            .collect();
        let operation = prop_oneof![
            9 => (1_u64..4_000).prop_map(Op::Check),
            1 => operation(&kinds),
        ];
        let step = (time(&kinds), operation).prop_map(move |(time, operation)| Step {
            time,
            limits: limits.clone(),
            operation,
        });
        prop::collection::vec(step, 1..16)
    });
    (start(), steps)
}

#[test]
fn histories_of_fixed_windows_equal_the_model() {
    histories_equal_the_model(history(&[0]));
}

#[test]
fn histories_of_sliding_windows_equal_the_model() {
    histories_equal_the_model(history(&[1]));
}

#[test]
fn histories_of_token_buckets_equal_the_model() {
    histories_equal_the_model(history(&[2]));
}

#[test]
fn histories_of_sliding_logs_equal_the_model() {
    histories_equal_the_model(history(&[3]));
}

#[test]
fn histories_of_mixed_algorithms_equal_the_model() {
    histories_equal_the_model(history(&[0, 1, 2, 3]));
}

#[test]
fn histories_of_one_policy_of_fixed_windows_equal_the_model() {
    histories_equal_the_model(history_of_one_policy(&[0]));
}

#[test]
fn histories_of_one_policy_equal_the_model() {
    histories_equal_the_model(history_of_one_policy(&[0, 1, 2, 3]));
}

/// Tries 2,500 of such histories.
fn histories_equal_the_model(history: impl Strategy<Value = (u64, Vec<Step>)>) {
    let rig = Rig::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = ManualClock::default();
    let store = runtime.block_on(rig.store_with(clock.clone()));
    let mut stored = runtime.block_on(rig.stored());
    let stored = std::cell::RefCell::new(&mut stored);
    let histories = AtomicU64::new(0);
    let steps = AtomicU64::new(0);

    let config = Config {
        cases: 2_500,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&history, |(start, history)| {
        let identifier = histories.fetch_add(1, Ordering::Relaxed).to_string();
        let key = rig.key(&identifier);
        let mut entry = Entry::new();
        let mut charged_at = at(start);
        clock.set(at(start));
        for step in history {
            clock.set(moved(clock.now(), &step.time));
            let operation = operation_at(&step.operation, clock.now(), charged_at);
            let expected = entry.apply(&step.limits, operation, clock.now()).decision;
            let policy = Policy::new("default", step.limits).unwrap();
            let decision = runtime
                .block_on(apply(&store, key, &policy, operation))
                .unwrap();
            prop_assert_eq!(&decision, &expected);
            charged_at = decision.charged_at();

            let mut bytes = Vec::new();
            entry.write_to(&mut bytes);
            let expected = (!entry.is_empty()).then_some(bytes);
            let found = runtime.block_on(stored.borrow_mut().bytes(key));
            prop_assert_eq!(found, expected);
            steps.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
    println!("{histories:?} histories, {steps:?} steps");
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// What is left of a bucket is counted to the last part of a thousandth.
#[tokio::test]
async fn a_bucket_is_full_again_when_the_model_says_so() {
    let rig = Rig::new();
    let clock = ManualClock::default();
    let store = rig.store_with(clock.clone()).await;
    let mut stored = rig.stored().await;
    let policy = Policy::new("default", "7/minute burst 9 token-bucket").unwrap();
    let check = |milli| Operation::Check(Cost::milli(milli));
    for milli in (1..600).step_by(7) {
        for moment in -2_i64..=2 {
            let identifier = format!("{milli}:{moment}");
            let key = rig.key(&identifier);
            let mut entry = Entry::new();
            clock.set(at(1_700_000_000_000));
            let first = apply(&store, key, &policy, check(milli)).await.unwrap();
            let _ = entry.apply(policy.limits(), check(milli), clock.now());
            // Where parts are left.
            let full = first.limits()[0].reset_after().as_millis();
            let full = u64::try_from(full).unwrap();
            for (after, milli) in [(full / 2, 1), (full, 3)] {
                let now = (1_700_000_000_000 + after).checked_add_signed(moment);
                clock.set(at(now.unwrap()));
                let decision = apply(&store, key, &policy, check(milli)).await.unwrap();
                let expected = entry.apply(policy.limits(), check(milli), clock.now());
                assert_eq!(decision, expected.decision, "{identifier}");
            }
            let mut bytes = Vec::new();
            entry.write_to(&mut bytes);
            assert_eq!(stored.bytes(key).await, Some(bytes), "{identifier}");
        }
    }
}
