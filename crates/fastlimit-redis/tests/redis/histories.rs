//! What random histories are made of.

use std::time::Duration;

use fastlimit_core::store::Operation;
use fastlimit_core::{Algorithm, Cost, Limit, Rate, Timestamp};
use proptest::prelude::*;

use crate::rig::at;

#[derive(Clone, Debug)]
pub(crate) enum Time {
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
pub(crate) enum Op {
    Check(u64),
    Peek(u64),
    Charge(u64),
    /// Of what the last operation charged.
    Refund(u64),
    RefundFrom(u64, u64),
    Reset,
}

const DAY: u64 = 86_400_000;

pub(crate) fn period() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(vec![1, 2, 7, 100, 1_000, 60_000, 3_600_000, DAY, 366 * DAY]),
        1 => 1_u64..=366 * DAY,
    ]
}

/// What a record is known by.
pub(crate) type Kind = (u64, usize);

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

/// When things begin.
pub(crate) fn start() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 1_700_000_000_000_u64..1_800_000_000_000,
        1 => 0_u64..200_000,
        1 => (1_u64 << 52) - 200_000..=1 << 52,
    ]
}

/// How the time moves under limits of these kinds.
pub(crate) fn time(kinds: &[Kind]) -> impl Strategy<Value = Time> + use<> {
    let periods: Vec<u64> = kinds.iter().map(|(period, _)| *period).collect();
    let grace = periods.iter().copied().min().unwrap_or(1).min(60_000);
    let longest = periods.iter().copied().max().unwrap_or(1);
    prop_oneof![
        3 => Just(Time::Stand),
        3 => (1..2 * longest).prop_map(Time::Forward),
        2 => (1_u64..300).prop_map(Time::Forward),
        3 => (prop::sample::select(periods.clone()), -1_i64..=1).prop_map(|(p, d)| Time::Edge(p, d)),
        3 => (1..=grace).prop_map(Time::Back),
        1 => (1..=3 * longest + 70_000).prop_map(Time::WildlyBack),
        1 => prop::sample::select(periods).prop_map(|p| Time::Forward(p + 60_000)),
    ]
}

/// One or more limits of these kinds.
pub(crate) fn limits(kinds: Vec<Kind>) -> impl Strategy<Value = Vec<Limit>> {
    let count = 1..=kinds.len();
    prop::sample::subsequence(kinds, count)
        .prop_shuffle()
        .prop_flat_map(|kinds| {
            kinds
                .into_iter()
                .map(|kind| {
                    (requests(), burst())
                        .prop_map(move |(requests, burst)| limit(requests, burst, kind))
                })
                .collect::<Vec<_>>()
        })
}

pub(crate) fn operation(kinds: &[Kind]) -> impl Strategy<Value = Op> + use<> {
    let longest = kinds.iter().map(|(period, _)| *period).max().unwrap_or(1);
    prop_oneof![
        8 => milli().prop_map(Op::Check),
        2 => milli().prop_map(Op::Peek),
        3 => milli().prop_map(Op::Charge),
        3 => milli().prop_map(Op::Refund),
        1 => (milli(), 0_u64..4 * longest).prop_map(|(milli, ago)| Op::RefundFrom(milli, ago)),
        1 => Just(Op::Reset),
    ]
}

/// The operation at a time, after one that was charged at another.
pub(crate) fn operation_at(operation: &Op, now: Timestamp, charged_at: Timestamp) -> Operation {
    match *operation {
        Op::Check(milli) => Operation::Check(Cost::milli(milli)),
        Op::Peek(milli) => Operation::Peek(Cost::milli(milli)),
        Op::Charge(milli) => Operation::Charge(Cost::milli(milli)),
        Op::Refund(milli) => Operation::Refund {
            cost: Cost::milli(milli),
            charged_at,
        },
        Op::RefundFrom(milli, ago) => Operation::Refund {
            cost: Cost::milli(milli),
            charged_at: at(now.as_millis().saturating_sub(ago)),
        },
        Op::Reset => Operation::Reset,
    }
}

pub(crate) fn limit(requests: u32, burst: u32, (period, algorithm): Kind) -> Limit {
    let algorithm = Algorithm::ALL[algorithm];
    let most = match algorithm {
        Algorithm::SlidingLog => Limit::MAX_LOG_REQUESTS,
        _ => Rate::MAX_REQUESTS,
    };
    let rate = Rate::new(requests.min(most), Duration::from_millis(period)).unwrap();
    match algorithm {
        Algorithm::TokenBucket => Limit::token_bucket(rate, burst).ok(),
        _ => None,
    }
    .unwrap_or_else(|| Limit::new(rate, algorithm).unwrap())
}

pub(crate) fn moved(now: Timestamp, time: &Time) -> Timestamp {
    let now = now.as_millis();
    at(match *time {
        Time::Stand => now,
        Time::Forward(by) => now.saturating_add(by),
        Time::Edge(period, by) => (now - now % period + period).saturating_add_signed(by),
        Time::Back(by) | Time::WildlyBack(by) => now.saturating_sub(by),
    })
}
