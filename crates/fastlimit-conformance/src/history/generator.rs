use fastlimit_core::store::Operation;
use fastlimit_core::{Algorithm, Cost, Policy, Timestamp};
use fastrand::Rng;

use super::directed::near_one;
use super::spec::{LONGEST_PERIOD, Spec, logarithmic};
use crate::model::Answer;

/// Past this grace a store may have forgotten what is dead, so that no clock steps back further.
pub(super) const LONGEST_GRACE: u64 = 60_000;

const YEAR: u64 = 365 * 86_400_000;
/// What a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One limit of an algorithm.
    One(Algorithm),
    /// One to four limits of any algorithms, some of them with the same period.
    Several,
    /// The least and the greatest of everything, and what is hard to divide.
    Extremes,
}

/// Chooses the requests of one history, step by step.
pub(crate) struct Generator {
    rng: Rng,
    kind: Kind,
    /// The limits that the history is about.
    pool: Vec<Spec>,
    /// How far the clock may step back from the latest time.
    grace: u64,
    now: u64,
    latest: u64,
    /// Times that a charge was made at.
    charged_at: Vec<u64>,
    /// What the last answer said remains, milli.
    remaining: u64,
    /// What was asked for last, milli.
    cost: u64,
}

impl Generator {
    pub(crate) fn new(kind: Kind, mut rng: Rng) -> Self {
        let size = match kind {
            Kind::One(_) => 1,
            Kind::Several => rng.usize(1..=4),
            Kind::Extremes => rng.usize(1..=2),
        };
        let mut pool: Vec<Spec> = Vec::new();
        while pool.len() < size {
            // Often the same period with another algorithm.
            let period = pool.last().map(|spec| spec.period);
            let period = period.filter(|_| rng.u32(0..10) < 4);
            let spec = Spec::random(kind, period, &mut rng);
            if !pool.iter().any(|known| known.is_like(&spec)) {
                pool.push(spec);
            }
        }
        let shortest = pool.iter().map(|spec| spec.period).min().unwrap_or(1);
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
            cost: 0,
        }
    }

    pub(crate) fn length(&mut self) -> usize {
        self.rng.usize(8..=32)
    }

    /// Moves the clock: mostly little, or to the edge of a window, or to where a charge leaves a
    /// log; sometimes over years, and back by no more than the grace.
    pub(crate) fn move_clock(&mut self) -> Timestamp {
        let Some(spec) = self.any_spec() else {
            return Timestamp::from_millis(self.now);
        };
        let period = spec.period;
        let next_window = self.now - self.now % period + period;
        let moved = match self.rng.u32(0..100) {
            0..25 if self.kind == Kind::Extremes => self.hard_time(next_window),
            0..45 => self.now,
            45..50 => self.now + self.rng.u64(1..=3),
            50..55 => self.now + self.rng.u64(0..=period / 8),
            55..75 => {
                let edge = match spec.algorithm {
                    Algorithm::SlidingLog => self.next_to_leave(period),
                    _ => next_window,
                };
                (edge + self.rng.u64(0..=2)).saturating_sub(1)
            }
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
            if let Some(spec) = self.pool.get_mut(index) {
                spec.change_numbers(self.kind, &mut self.rng);
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
            .map(Spec::limit)
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
        self.cost = cost.as_milli();
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
            0..25 if self.kind == Kind::Extremes => self.hard_cost(capacity),
            25..30 if self.kind == Kind::Extremes => u64::MAX,
            0..5 => 0,
            5..10 => 1,
            10..40 => 1_000,
            40..50 => self.rng.u64(0..=capacity),
            50..60 => self.rng.u64(0..=capacity / 8),
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

    /// The first time at which a charge has left a log that has not left by now.
    fn next_to_leave(&self, period: u64) -> u64 {
        let leave = self.charged_at.iter().map(|time| time + period);
        let later = leave.filter(|&time| time > self.latest);
        later.min().unwrap_or(self.latest + period)
    }

    fn any_period(&mut self) -> u64 {
        self.any_spec().map_or(1, |spec| spec.period)
    }

    fn any_spec(&mut self) -> Option<Spec> {
        let index = self.rng.usize(..self.pool.len());
        self.pool.get(index).copied()
    }

    /// A time at which the product with the number of a bucket, or with what was charged to a
    /// sliding window, is near a multiple of the period.
    fn hard_time(&mut self, next_window: u64) -> u64 {
        let Some(spec) = self.any_spec() else {
            return self.now;
        };
        let factor = match spec.algorithm {
            Algorithm::TokenBucket => spec.number(),
            _ => self.cost,
        };
        let Some(number) = near_one(u128::from(factor), spec.period, &mut self.rng) else {
            return self.now;
        };
        let hard = match spec.algorithm {
            Algorithm::TokenBucket => self.now + number,
            // The part of the window before that still counts.
            _ => next_window - next_window % spec.period + spec.period - number,
        };
        hard.max(self.latest.saturating_sub(self.grace))
    }

    /// A cost whose product with the period is near a multiple of the number of a bucket, or
    /// leaves such a rest of what was charged to a sliding window.
    fn hard_cost(&mut self, capacity: u64) -> u64 {
        let Some(spec) = self.any_spec() else {
            return 0;
        };
        let divisor = match spec.algorithm {
            Algorithm::TokenBucket => spec.number(),
            _ => self.cost,
        };
        let period = u128::from(spec.period);
        let number = near_one(period, divisor.max(1), &mut self.rng).unwrap_or(1_000);
        if self.rng.bool() {
            number
        } else {
            capacity.saturating_sub(number)
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
