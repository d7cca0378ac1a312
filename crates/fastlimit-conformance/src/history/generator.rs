use std::time::Duration;

use fastlimit_core::{Algorithm, Cost, Limit, Operation, Policy, Rate, Timestamp};
use fastrand::Rng;

use crate::model::Answer;

/// Past this grace a store may have forgotten what is dead, so that no clock steps back further.
const LONGEST_GRACE: u64 = 60_000;

const YEAR: u64 = 365 * 86_400_000;
const LONGEST_PERIOD: u64 = 366 * 86_400_000;

const PERIODS: [u64; 18] = [
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
    LONGEST_PERIOD,
];

const NUMBERS: [u32; 12] = [0, 1, 1, 2, 3, 4, 5, 7, 10, 100, 1_000, Rate::MAX_REQUESTS];

/// What a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    OneLimit,
    SeveralLimits,
    /// The least and the greatest of everything.
    Extremes,
}

/// Chooses the requests of one history, step by step.
pub(crate) struct Generator {
    rng: Rng,
    kind: Kind,
    /// The limits that the history is about: requests and period.
    pool: Vec<(u32, u64)>,
    /// How far the clock may step back from the latest time.
    grace: u64,
    now: u64,
    latest: u64,
    /// Times that a charge was made at.
    charged_at: Vec<u64>,
    /// What the last answer said remains, milli.
    remaining: u64,
}

impl Generator {
    pub(crate) fn new(kind: Kind, mut rng: Rng) -> Self {
        let size = match kind {
            Kind::OneLimit => 1,
            Kind::SeveralLimits => rng.usize(2..=4),
            Kind::Extremes => rng.usize(1..=2),
        };
        let mut pool: Vec<(u32, u64)> = Vec::new();
        while pool.len() < size {
            let period = random_period(kind, &mut rng);
            if pool.iter().all(|&(_, taken)| taken != period) {
                pool.push((random_number(kind, &mut rng), period));
            }
        }
        let shortest = pool.iter().map(|&(_, period)| period).min().unwrap_or(1);
        let now = random_time(kind, &mut rng);
        Self {
            rng,
            kind,
            pool,
            grace: shortest.min(LONGEST_GRACE),
            now,
            latest: now,
            charged_at: Vec::new(),
            remaining: 0,
        }
    }

    pub(crate) fn length(&mut self) -> usize {
        self.rng.usize(8..=32)
    }

    /// Moves the clock: mostly little or to the edge of a window, sometimes over years, and
    /// back by no more than the grace.
    pub(crate) fn move_clock(&mut self) -> Timestamp {
        let period = self.any_period();
        let next_window = self.now - self.now % period + period;
        let moved = match self.rng.u32(0..100) {
            0..45 => self.now,
            45..55 => self.now + self.rng.u64(1..=3),
            55..75 => (next_window + self.rng.u64(0..=2)).saturating_sub(1),
            75..82 => self.now + self.rng.u64(0..=2 * period),
            82..85 => self.now + self.rng.u64(0..=5 * YEAR),
            85..95 => self.latest.saturating_sub(self.rng.u64(0..=self.grace)),
            95..98 => self.latest.saturating_sub(self.grace),
            _ => self.latest,
        };
        self.now = moved.min(Timestamp::MAX.as_millis());
        self.latest = self.latest.max(self.now);
        Timestamp::from_millis(self.now)
    }

    /// Tells the time of a clock that moves by itself.
    pub(crate) fn see_clock(&mut self, now: Timestamp) {
        self.now = now.as_millis();
        self.latest = self.latest.max(self.now);
    }

    /// Chooses what is asked, and under which limits.
    pub(crate) fn ask(&mut self) -> Result<(Policy, Operation), String> {
        if self.rng.u32(0..100) < 12 {
            let index = self.rng.usize(..self.pool.len());
            if let Some(limit) = self.pool.get_mut(index) {
                limit.0 = random_number(self.kind, &mut self.rng);
            }
        }
        let mut chosen = self.pool.clone();
        match self.rng.u32(0..100) {
            0..70 => {}
            70..85 => {
                self.rng.shuffle(&mut chosen);
                chosen.truncate(self.rng.usize(1..=chosen.len()));
            }
            _ => self.rng.shuffle(&mut chosen),
        }
        let limits = chosen
            .iter()
            .map(|&(requests, period)| {
                let rate = Rate::new(requests, Duration::from_millis(period))?;
                Ok(Limit::new(rate, Algorithm::FixedWindow))
            })
            .collect::<Result<Vec<_>, fastlimit_core::Error>>()
            .and_then(|limits| Ok(Policy::new("history", limits)?))
            .map_err(|error| error.to_string())?;
        let operation = self.any_operation(&limits);
        Ok((limits, operation))
    }

    /// Takes note of an answer: the next costs and refunds are chosen around it.
    pub(crate) fn see(&mut self, answer: &Answer) {
        self.remaining = u64::try_from(answer.remaining()).unwrap_or(u64::MAX);
        if let Ok(time) = u64::try_from(answer.charged_at) {
            self.charged_at.push(time);
        }
    }

    fn any_operation(&mut self, limits: &Policy) -> Operation {
        let cost = self.any_cost(limits);
        match self.rng.u32(0..100) {
            0..52 => Operation::Check(cost),
            52..64 => Operation::Peek(cost),
            64..76 => Operation::Charge(cost),
            76..94 => Operation::Refund {
                cost,
                charged_at: Timestamp::from_millis(self.any_charge()),
            },
            94..97 => Operation::Peek(Cost::ZERO),
            _ => Operation::Reset,
        }
    }

    fn any_cost(&mut self, limits: &Policy) -> Cost {
        let index = self.rng.usize(..limits.limits().len());
        let capacity = limits
            .limits()
            .get(index)
            .map_or(0, |limit| limit.capacity().as_milli());
        Cost::milli(match self.rng.u32(0..100) {
            0..5 => 0,
            5..10 => 1,
            10..40 => 1_000,
            40..60 => self.rng.u64(0..=capacity),
            60..66 => capacity,
            66..70 => capacity + 1,
            70..74 => capacity.saturating_sub(1),
            74..84 => self.remaining,
            84..90 => self.remaining.saturating_add(1),
            90..94 => capacity / 2 + 1,
            94..97 => self.rng.u64(0..=4_000),
            97..99 => capacity.saturating_mul(self.rng.u64(1..=3)),
            _ => u64::MAX,
        })
    }

    /// When a refund says that it was charged: mostly the truth.
    fn any_charge(&mut self) -> u64 {
        let period = self.any_period();
        let known = self.charged_at.len();
        match self.rng.u32(0..100) {
            0..40 => self.charged_at.last().copied().unwrap_or(self.now),
            40..75 if known > 0 => {
                let index = self.rng.usize(..known);
                self.charged_at.get(index).copied().unwrap_or(self.now)
            }
            75..88 => self.now,
            88..92 => self.now.saturating_sub(period),
            92..96 => self.now + period,
            96..98 => 0,
            _ => u64::MAX,
        }
    }

    fn any_period(&mut self) -> u64 {
        let index = self.rng.usize(..self.pool.len());
        self.pool.get(index).map_or(1, |&(_, period)| period)
    }
}

fn random_period(kind: Kind, rng: &mut Rng) -> u64 {
    match (kind, rng.u32(0..10)) {
        (Kind::Extremes, 0..5) => 1,
        (Kind::Extremes, 5..9) => LONGEST_PERIOD,
        (_, 0..7) => rng.choice(PERIODS).unwrap_or(1),
        _ => logarithmic(LONGEST_PERIOD, rng).max(1),
    }
}

fn random_number(kind: Kind, rng: &mut Rng) -> u32 {
    match (kind, rng.u32(0..10)) {
        (Kind::Extremes, 0..6) => Rate::MAX_REQUESTS,
        (Kind::Extremes, 6..8) => 0,
        (_, 0..8) => rng.choice(NUMBERS).unwrap_or(1),
        _ => {
            let number = logarithmic(u64::from(Rate::MAX_REQUESTS), rng);
            u32::try_from(number).unwrap_or(Rate::MAX_REQUESTS)
        }
    }
}

fn random_time(kind: Kind, rng: &mut Rng) -> u64 {
    let last = Timestamp::MAX.as_millis();
    match (kind, rng.u32(0..10)) {
        (Kind::Extremes, 0..4) | (_, 0) => rng.u64(0..=2_000),
        (Kind::Extremes, 4..8) | (_, 1) => last - logarithmic(2 * LONGEST_PERIOD, rng),
        (_, 2) => logarithmic(last, rng),
        _ => 1_700_000_000_000 + rng.u64(0..YEAR),
    }
}

/// A number up to `most`, as likely to have few digits as many.
fn logarithmic(most: u64, rng: &mut Rng) -> u64 {
    let bits = rng.u32(0..=most.ilog2());
    rng.u64(0..=most.min(2 << bits))
}
