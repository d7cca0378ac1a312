//! Core and the reference model agree on buckets whose rate is lowered, where nothing is
//! forgotten. The laws cannot ask a store for that: it may drop what was dead under the old rate.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::time::Duration;

use fastlimit_conformance::model::Model;
use fastlimit_core::store::{Entry, Operation};
use fastlimit_core::{Cost, Limit, Rate, Timestamp};
use fastrand::Rng;

#[test]
fn core_and_the_model_agree_on_buckets_of_any_rates() {
    let mut rng = Rng::with_seed(42);
    for history in 0..5_000 {
        let period = *rng
            .choice(&[1, 7, 999, 60_000, 31_622_399_999, 31_622_400_000])
            .unwrap();
        let (mut entry, mut model) = (Entry::new(), Model::new());
        let mut now = 1_700_000_000_000 + rng.u64(0..1_000_000);
        for step in 0..30 {
            now = match rng.u32(0..10) {
                0..4 => now,
                4 => now + rng.u64(0..10),
                5..7 => now + rng.u64(0..=2 * period),
                7 => now + rng.u64(0..1 << 42),
                8 => now.saturating_sub(rng.u64(0..=period.min(60_000))),
                _ => now.saturating_sub(rng.u64(0..1 << 42)),
            };
            let limits = [any_bucket(period, &mut rng)];
            let cost = Cost::milli(match rng.u32(0..6) {
                0 => u64::MAX,
                1 => rng.u64(0..1 << 41),
                2 => limits[0].capacity().as_milli(),
                _ => rng.u64(0..=limits[0].capacity().as_milli()),
            });
            let operation = match rng.u32(0..10) {
                0..4 => Operation::Check(cost),
                4..6 => Operation::Peek(cost),
                6..8 => Operation::Charge(cost),
                _ => Operation::Refund {
                    cost,
                    charged_at: Timestamp::from_millis(now),
                },
            };
            let time = Timestamp::from_millis(now);
            let decision = entry.apply(&limits, operation, time).decision;
            let answer = model.apply(&limits, operation, time).unwrap();
            let difference = answer.difference(&decision);
            assert_eq!(
                difference, None,
                "{history}.{step}: {operation:?} {limits:?}"
            );
        }
    }
}

fn any_bucket(period: u64, rng: &mut Rng) -> Limit {
    loop {
        let requests = *rng
            .choice(&[0, 1, 2, 700, 999_999_937, 1_000_000_000])
            .unwrap();
        let rate = Rate::new(requests, Duration::from_millis(period)).unwrap();
        let burst = 1 << rng.u32(0..30);
        if let Ok(limit) = Limit::token_bucket(rate, burst) {
            return limit;
        }
    }
}
