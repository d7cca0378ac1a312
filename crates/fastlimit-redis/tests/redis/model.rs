//! Random histories: the outcomes and the stored bytes are those of the model in core.

use std::sync::atomic::{AtomicU64, Ordering};

use fastlimit_core::{
    Algorithm, Clock, Cost, Entry, Limit, ManualClock, Operation, Policy, Rate, Timestamp,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use std::time::Duration;

use crate::rig::{Rig, apply, at};

#[derive(Clone, Debug)]
struct Step {
    time: Time,
    limits: Vec<Limit>,
    operation: Op,
}

#[derive(Clone, Debug)]
enum Time {
    Stand,
    Forward(u64),
    /// To the end of a window of this length, and that much further.
    Edge(u64, i64),
    /// No further than the grace of the shortest period of the history.
    Back(u64),
    /// Where the model forgets.
    WildlyBack(u64),
}

#[derive(Clone, Debug)]
enum Op {
    Check(u64),
    Peek(u64),
    Charge(u64),
    /// Of what the last operation charged.
    Refund(u64),
    RefundFrom(u64, u64),
    Reset,
}

const DAY: u64 = 86_400_000;

fn period() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(vec![1, 2, 7, 100, 1_000, 60_000, 3_600_000, DAY, 366 * DAY]),
        1 => 1_u64..=366 * DAY,
    ]
}

/// What a record is known by.
type Kind = (u64, usize);

const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
    Algorithm::TokenBucket,
];

fn requests() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => 0_u32..6,
        1 => Just(Rate::MAX_REQUESTS),
        1 => 0..=Rate::MAX_REQUESTS,
    ]
}

/// Of a token bucket; too much for its rate is read as none.
fn burst() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0_u32..9,
        1 => Just(Limit::MAX_BURST),
        1 => 1..=Limit::MAX_BURST,
    ]
}

fn milli() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0_u64..7).prop_map(|requests| requests * 1_000),
        2 => 0_u64..6_000,
        1 => prop::sample::select(vec![
            1, 999, 1_001, 1_000_000_000_000, 1_000_000_000_001, (1 << 41) - 1, 1 << 41, u64::MAX,
        ]),
    ]
}

fn step(kinds: Vec<Kind>) -> impl Strategy<Value = Step> {
    let periods: Vec<u64> = kinds.iter().map(|(period, _)| *period).collect();
    let grace = periods.iter().copied().min().unwrap_or(1).min(60_000);
    let longest = periods.iter().copied().max().unwrap_or(1);
    let time = prop_oneof![
        3 => Just(Time::Stand),
        3 => (1..2 * longest).prop_map(Time::Forward),
        2 => (1_u64..300).prop_map(Time::Forward),
        3 => (prop::sample::select(periods.clone()), -1_i64..=1).prop_map(|(p, d)| Time::Edge(p, d)),
        3 => (1..=grace).prop_map(Time::Back),
        1 => (1..=3 * longest + 70_000).prop_map(Time::WildlyBack),
        1 => prop::sample::select(periods.clone()).prop_map(|p| Time::Forward(p + 60_000)),
    ];
    let count = 1..=kinds.len();
    let limits = prop::sample::subsequence(kinds, count)
        .prop_shuffle()
        .prop_flat_map(|kinds| {
            kinds
                .into_iter()
                .map(|kind| {
                    (requests(), burst())
                        .prop_map(move |(requests, burst)| limit(requests, burst, kind))
                })
                .collect::<Vec<_>>()
        });
    let operation = prop_oneof![
        8 => milli().prop_map(Op::Check),
        2 => milli().prop_map(Op::Peek),
        3 => milli().prop_map(Op::Charge),
        3 => milli().prop_map(Op::Refund),
        1 => (milli(), 0_u64..4 * longest).prop_map(|(milli, ago)| Op::RefundFrom(milli, ago)),
        1 => Just(Op::Reset),
    ];
    (time, limits, operation).prop_map(|(time, limits, operation)| Step {
        time,
        limits,
        operation,
    })
}

fn history(algorithms: &'static [usize]) -> impl Strategy<Value = (u64, Vec<Step>)> {
    let start = prop_oneof![
        3 => 1_700_000_000_000_u64..1_800_000_000_000,
        1 => 0_u64..200_000,
        1 => (1_u64 << 52) - 200_000..=1 << 52,
    ];
    let kind = (period(), prop::sample::select(algorithms));
    let steps = prop::collection::btree_set(kind, 1..=4).prop_flat_map(|kinds| {
        let kinds: Vec<_> = kinds.into_iter().collect();
        prop::collection::vec(step(kinds), 1..16)
    });
    (start, steps)
}

fn limit(requests: u32, burst: u32, (period, algorithm): Kind) -> Limit {
    let rate = Rate::new(requests, Duration::from_millis(period)).unwrap();
    match ALGORITHMS[algorithm] {
        Algorithm::TokenBucket => {
            Limit::token_bucket(rate, burst).unwrap_or(Limit::new(rate, Algorithm::TokenBucket))
        }
        algorithm => Limit::new(rate, algorithm),
    }
}

fn moved(now: Timestamp, time: &Time) -> Timestamp {
    let now = now.as_millis();
    at(match *time {
        Time::Stand => now,
        Time::Forward(by) => now.saturating_add(by),
        Time::Edge(period, by) => (now - now % period + period).saturating_add_signed(by),
        Time::Back(by) | Time::WildlyBack(by) => now.saturating_sub(by),
    })
}

#[test]
fn histories_of_fixed_windows_equal_the_model() {
    histories_equal_the_model(&[0]);
}

#[test]
fn histories_of_sliding_windows_equal_the_model() {
    histories_equal_the_model(&[1]);
}

#[test]
fn histories_of_token_buckets_equal_the_model() {
    histories_equal_the_model(&[2]);
}

#[test]
fn histories_of_mixed_algorithms_equal_the_model() {
    histories_equal_the_model(&[0, 1, 2]);
}

/// Tries 2,500 histories of these algorithms.
fn histories_equal_the_model(algorithms: &'static [usize]) {
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
    let result = TestRunner::new(config).run(&history(algorithms), |(start, history)| {
        let identifier = histories.fetch_add(1, Ordering::Relaxed).to_string();
        let key = rig.key(&identifier);
        let mut entry = Entry::new();
        let mut charged_at = at(start);
        clock.set(at(start));
        for step in history {
            clock.set(moved(clock.now(), &step.time));
            let operation = match step.operation {
                Op::Check(milli) => Operation::Check(Cost::milli(milli)),
                Op::Peek(milli) => Operation::Peek(Cost::milli(milli)),
                Op::Charge(milli) => Operation::Charge(Cost::milli(milli)),
                Op::Refund(milli) => Operation::Refund {
                    cost: Cost::milli(milli),
                    charged_at,
                },
                Op::RefundFrom(milli, ago) => Operation::Refund {
                    cost: Cost::milli(milli),
                    charged_at: at(clock.now().as_millis().saturating_sub(ago)),
                },
                Op::Reset => Operation::Reset,
            };
            let expected = entry.apply(&step.limits, operation, clock.now()).outcome;
            let policy = Policy::new("default", step.limits).unwrap();
            let outcome = runtime
                .block_on(apply(&store, key, &policy, operation))
                .unwrap();
            prop_assert_eq!(&outcome, &expected);
            charged_at = outcome.charged_at();

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
