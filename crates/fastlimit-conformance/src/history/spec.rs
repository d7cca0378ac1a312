use std::time::Duration;

use fastlimit_core::{Algorithm, Limit, Rate};
use fastrand::Rng;

use super::directed::near_one;
use super::generator::Kind;
use crate::scene::most_requests;

/// No burst drains for longer: 36,525 days.
const LONGEST_DRAIN: u64 = 36_525 * 86_400_000;

pub(super) const LONGEST_PERIOD: u64 = 366 * 86_400_000;

const PERIODS: [u64; 20] = [
    1,
    2,
    3,
    7,
    10,
    250,
    999,
    1_000,
    1_001,
    30_000,
    59_999,
    60_000,
    60_001,
    3_600_000,
    86_400_000,
    604_800_000,
    30 * 86_400_000,
    // No factor in common with a thousand.
    LONGEST_PERIOD - 1,
    LONGEST_PERIOD - 7,
    LONGEST_PERIOD,
];

const NUMBERS: [u32; 12] = [0, 1, 1, 2, 3, 4, 5, 7, 10, 100, 1_000, Rate::MAX_REQUESTS];

/// A limit that a history is about, whose numbers change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) algorithm: Algorithm,
    pub(super) period: u64,
    requests: u32,
    burst: u32,
    /// The highest rate so far: a store may forget by it, so that no bucket's rate is lowered
    /// but to 0.
    highest: u32,
}

impl Spec {
    pub(super) fn random(kind: Kind, period: Option<u64>, rng: &mut Rng) -> Self {
        let algorithm = match kind {
            Kind::One(algorithm) => algorithm,
            Kind::Several | Kind::Extremes => {
                rng.choice(Algorithm::ALL).copied().unwrap_or_default()
            }
        };
        let mut spec = Self {
            algorithm,
            period: period.unwrap_or_else(|| random_period(kind, rng)),
            requests: 0,
            burst: 1,
            highest: 0,
        };
        spec.change_numbers(kind, rng);
        spec
    }

    /// Chooses another number and another burst.
    pub(super) fn change_numbers(&mut self, kind: Kind, rng: &mut Rng) {
        let most = most_requests(self.algorithm);
        self.requests = random_number(kind, self.period, rng).min(most);
        if self.algorithm == Algorithm::TokenBucket {
            if self.requests > 0 {
                self.requests = self.requests.max(self.highest);
            }
            self.highest = self.highest.max(self.requests);
            self.burst = random_burst(self.requests, self.period, rng);
        }
    }

    /// Milli per period.
    pub(super) fn number(&self) -> u64 {
        u64::from(self.requests) * 1_000
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.period == other.period
    }

    pub(super) fn limit(&self) -> Result<Limit, fastlimit_core::Error> {
        let rate = Rate::new(self.requests, Duration::from_millis(self.period))?;
        if self.algorithm == Algorithm::TokenBucket {
            return Ok(Limit::token_bucket(rate, self.burst)?);
        }
        Ok(Limit::new(rate, self.algorithm)?)
    }
}

fn random_period(kind: Kind, rng: &mut Rng) -> u64 {
    match (kind, rng.u32(0..10)) {
        (Kind::Extremes, 0..3) => 1,
        (Kind::Extremes, 3..6) => LONGEST_PERIOD - rng.u64(0..20),
        (Kind::Extremes, 6) => LONGEST_PERIOD,
        (_, 0..7) => rng.choice(PERIODS).unwrap_or(1),
        _ => logarithmic(LONGEST_PERIOD, rng).max(1),
    }
}

fn random_number(kind: Kind, period: u64, rng: &mut Rng) -> u32 {
    match (kind, rng.u32(0..10)) {
        (Kind::Extremes, 0..5) => Rate::MAX_REQUESTS,
        (Kind::Extremes, 5) => 0,
        // What drains in the longest time leaves a remainder of 1, or of 1 less than the period.
        (Kind::Extremes, 6..8) => {
            let thousand_drains = u128::from(LONGEST_DRAIN) * 1_000;
            near_one(thousand_drains, period, rng)
                .and_then(|number| u32::try_from(number).ok())
                .filter(|&number| number <= Rate::MAX_REQUESTS)
                .unwrap_or(1)
        }
        (_, 0..8) => rng.choice(NUMBERS).unwrap_or(1),
        _ => {
            let number = logarithmic(u64::from(Rate::MAX_REQUESTS), rng);
            u32::try_from(number).unwrap_or(Rate::MAX_REQUESTS)
        }
    }
}

/// A burst of 1, a small one, that of the rate, a large one, the largest that there may be.
fn random_burst(requests: u32, period: u64, rng: &mut Rng) -> u32 {
    let drains = u128::from(requests) * u128::from(LONGEST_DRAIN) / u128::from(period);
    let most = match requests {
        0 => Limit::MAX_BURST,
        _ => u32::try_from(drains).map_or(Limit::MAX_BURST, |most| most.min(Limit::MAX_BURST)),
    };
    let burst = match rng.u32(0..10) {
        0..2 => 1,
        2..4 => rng.u32(2..=9),
        4..6 => requests,
        6..8 => requests.saturating_mul(rng.u32(2..=50)),
        8 => most,
        _ => most.saturating_sub(rng.u32(0..=2)),
    };
    burst.clamp(1, most.max(1))
}

/// A number up to `most`, as likely to have few digits as many.
pub(super) fn logarithmic(most: u64, rng: &mut Rng) -> u64 {
    let bits = rng.u32(0..=most.ilog2());
    rng.u64(0..=most.min(2 << bits))
}
