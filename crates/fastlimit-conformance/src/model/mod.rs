//! The reference model: the arithmetic of the limits in `u128`, written for plainness.
//!
//! It shares no code with [`Entry`](fastlimit_core::store::Entry), so that the two check each other, and
//! is of another make: it knows what is in use at any time, in one integer without a remainder,
//! and searches for the time at which a check passes instead of computing it.
//!
//! It never forgets anything: a store may drop what is dead, and no answer hangs on that.

mod answer;
mod fixed_window;
mod sliding_log;
mod sliding_window;
mod state;
mod token_bucket;

use std::time::Duration;

use fastlimit_core::store::Operation;
use fastlimit_core::{Algorithm, Cost, Limit, Timestamp};

pub use answer::{Answer, Difference, LimitAnswer};
use state::{Standing, State};

/// A record that is dated later than its period and this many milliseconds from now is read as
/// absent.
const LATEST_DATE_AHEAD: u128 = 60_000;

/// The most that can be in use, in milli.
const MOST_USED: u128 = 1 << 41;

/// The state of one subject, as the exact model keeps it.
///
/// ```
/// use fastlimit::store::Operation;
/// use fastlimit::{Cost, Limit, Timestamp};
/// use fastlimit_conformance::model::Model;
///
/// let limits: [Limit; 1] = ["2/minute".parse()?];
/// let mut model = Model::new();
/// let now = Timestamp::from_millis(45_000);
///
/// let answer = model.apply(&limits, Operation::Check(Cost::ONE), now)?;
/// assert_eq!((answer.is_allowed(), answer.remaining()), (true, 1_000));
///
/// let answer = model.apply(&limits, Operation::Check(Cost::requests(2)), now)?;
/// assert_eq!((answer.is_allowed(), answer.retry_after()), (false, Some(15_000)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Model {
    records: Vec<Record>,
}

/// The state of one limit, known by algorithm and period.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Record {
    algorithm: Algorithm,
    period: u128,
    state: State,
}

/// What the model does not know how to count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unknown {
    /// An algorithm.
    #[error("the model does not know the algorithm {0}")]
    Algorithm(Algorithm),
    /// An operation.
    #[error("the model does not know the operation {0:?}")]
    Operation(Operation),
}

/// What an operation does to the state of each limit, and what it costs.
#[derive(Clone, Copy)]
enum Change {
    Nothing { cost: u128 },
    Take { cost: u128 },
    GiveBack { cost: u128, charged_at: u128 },
}

impl Model {
    /// Creates the state of a subject that nothing is known of.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one operation under all of `limits` or under none.
    ///
    /// # Errors
    ///
    /// [`Unknown`] if the model does not know an algorithm or the operation.
    pub fn apply(
        &mut self,
        limits: &[Limit],
        operation: Operation,
        now: Timestamp,
    ) -> Result<Answer, Unknown> {
        let now = u128::from(now.as_millis());
        match operation {
            Operation::Check(cost) => self.check(limits, milli(cost), now),
            Operation::Peek(cost) => self.clone().check(limits, milli(cost), now),
            Operation::Charge(cost) => self.change(limits, Change::Take { cost: milli(cost) }, now),
            Operation::Refund { cost, charged_at } => {
                let (cost, charged_at) = (milli(cost), u128::from(charged_at.as_millis()));
                self.change(limits, Change::GiveBack { cost, charged_at }, now)
            }
            Operation::Reset => {
                self.records
                    .retain(|record| !limits.iter().any(|limit| record.is_of(limit)));
                // No time of a record's own is left, so none is charged at.
                self.change(limits, Change::Nothing { cost: 0 }, now)
            }
            other => Err(Unknown::Operation(other)),
        }
    }

    fn check(&mut self, limits: &[Limit], cost: u128, now: u128) -> Result<Answer, Unknown> {
        let denials = limits
            .iter()
            .map(|limit| {
                let standing = self.standing(limit, now)?;
                let wait = || standing.passes_at(cost).map(|time| time - now);
                Ok((!standing.admits(cost)).then(wait))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if denials.iter().all(Option::is_none) {
            return self.change(limits, Change::Take { cost }, now);
        }
        let mut answer = self.change(limits, Change::Nothing { cost }, now)?;
        for (limit, denial) in answer.limits.iter_mut().zip(denials) {
            limit.denial = denial;
        }
        Ok(answer)
    }

    fn change(&mut self, limits: &[Limit], change: Change, now: u128) -> Result<Answer, Unknown> {
        let mut charged_at = now;
        let mut answers = Vec::with_capacity(limits.len());
        for limit in limits {
            let before = self.standing(limit, now)?;
            charged_at = charged_at.max(before.time);
            let (after, cost) = match change {
                Change::Nothing { cost } => (before.clone(), cost),
                Change::Take { cost } => (before.clone().take(cost), cost),
                Change::GiveBack { cost, charged_at } => {
                    (before.clone().give_back(cost, charged_at), cost)
                }
            };
            let next_after = match after.admits(cost) {
                true => Some(0),
                false => after.passes_at(cost).map(|time| time - now),
            };
            answers.push(LimitAnswer {
                remaining: after.remaining(),
                reset_after: after.resets_at() - now,
                denial: None,
                next_after,
            });
            if after.state != before.state {
                self.write(limit, after.state);
            }
        }
        Ok(Answer {
            now,
            charged_at,
            limits: answers,
        })
    }

    /// How a limit stands at `now`.
    fn standing<'limit>(
        &self,
        limit: &'limit Limit,
        now: u128,
    ) -> Result<Standing<'limit>, Unknown> {
        let stored = self
            .records
            .iter()
            .find(|record| record.is_of(limit))
            .map(|record| record.state.clone())
            .filter(|state| state.date() <= now + period(limit) + LATEST_DATE_AHEAD);
        Standing::new(limit, stored, now)
    }

    fn write(&mut self, limit: &Limit, state: State) {
        self.records.retain(|record| !record.is_of(limit));
        self.records.push(Record {
            algorithm: limit.algorithm(),
            period: period(limit),
            state,
        });
        // In one order whatever the history, so that equal states are equal.
        self.records
            .sort_by_key(|record| (record.period, record.algorithm.to_string()));
    }
}

impl Record {
    fn is_of(&self, limit: &Limit) -> bool {
        self.algorithm == limit.algorithm() && self.period == period(limit)
    }
}

fn milli(cost: Cost) -> u128 {
    u128::from(cost.as_milli())
}

/// The number of a limit, milli per period.
fn number(limit: &Limit) -> u128 {
    u128::from(limit.rate().requests()) * 1_000
}

/// The most that a limit admits at once, milli.
fn capacity(limit: &Limit) -> u128 {
    match limit.burst() {
        Some(burst) if number(limit) > 0 => u128::from(burst) * 1_000,
        _ => number(limit),
    }
}

fn period(limit: &Limit) -> u128 {
    Duration::as_millis(&limit.rate().period())
}

#[cfg(test)]
mod tests;
