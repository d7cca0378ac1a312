//! The reference model: the arithmetic of the limits in `u128`, written for plainness.
//!
//! It shares no code with [`Entry`](fastlimit_core::Entry), so that the two check each other.
//! It never forgets anything: a store may drop what is dead, and no answer hangs on that.

mod answer;
mod fixed_window;

use std::time::Duration;

use fastlimit_core::{Algorithm, Cost, Limit, Operation, Timestamp};

pub use answer::{Answer, Difference, LimitAnswer};
use fixed_window::FixedWindow;

/// A record that is dated later than its period and this many milliseconds from now is read as
/// absent.
const LATEST_DATE_AHEAD: u128 = 60_000;

/// The most that can be in use, in milli.
const MOST_USED: u128 = 1 << 41;

/// The state of one subject, as the exact model keeps it.
///
/// ```
/// use fastlimit_conformance::model::Model;
/// use fastlimit_core::{Cost, Limit, Operation, Timestamp};
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
    state: FixedWindow,
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

/// What an operation does to the state of each limit.
#[derive(Clone, Copy)]
enum Change {
    Nothing,
    Take(u128),
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
        if let Some(limit) = limits.iter().find(|limit| !knows(limit)) {
            return Err(Unknown::Algorithm(limit.algorithm()));
        }
        let now = u128::from(now.as_millis());
        Ok(match operation {
            Operation::Check(cost) => self.check(limits, milli(cost), now),
            Operation::Peek(cost) => self.clone().check(limits, milli(cost), now),
            Operation::Charge(cost) => self.change(limits, Change::Take(milli(cost)), now),
            Operation::Refund { cost, charged_at } => {
                let (cost, charged_at) = (milli(cost), u128::from(charged_at.as_millis()));
                self.change(limits, Change::GiveBack { cost, charged_at }, now)
            }
            Operation::Reset => {
                self.records
                    .retain(|record| !limits.iter().any(|limit| record.is_of(limit)));
                // No time of a record's own is left, so none is charged at.
                self.change(limits, Change::Nothing, now)
            }
            other => return Err(Unknown::Operation(other)),
        })
    }

    fn check(&mut self, limits: &[Limit], cost: u128, now: u128) -> Answer {
        let denies = |limit: &Limit| {
            let free = capacity(limit).saturating_sub(self.state(limit, now).used);
            cost > 0 && cost > free
        };
        let denied: Vec<bool> = limits.iter().map(denies).collect();
        if !denied.contains(&true) {
            return self.change(limits, Change::Take(cost), now);
        }
        let mut answer = self.change(limits, Change::Nothing, now);
        for ((limit, denied), verdict) in limits.iter().zip(denied).zip(&mut answer.limits) {
            if denied {
                let waiting_helps = cost <= capacity(limit);
                verdict.denial = Some(waiting_helps.then_some(verdict.reset_after));
            }
        }
        answer
    }

    fn change(&mut self, limits: &[Limit], change: Change, now: u128) -> Answer {
        let mut charged_at = now;
        let verdicts = limits
            .iter()
            .map(|limit| {
                let before = self.state(limit, now);
                charged_at = charged_at.max(before.start);
                let after = match change {
                    Change::Nothing => before,
                    Change::Take(cost) => before.take(cost),
                    Change::GiveBack { cost, charged_at } => {
                        before.give_back(cost, charged_at, period(limit))
                    }
                };
                if after != before {
                    self.write(limit, after);
                }
                LimitAnswer {
                    remaining: capacity(limit).saturating_sub(after.used),
                    reset_after: after.start + period(limit) - now,
                    denial: None,
                }
            })
            .collect();
        Answer {
            now,
            charged_at,
            limits: verdicts,
        }
    }

    /// The state of a limit at `now`.
    fn state(&self, limit: &Limit, now: u128) -> FixedWindow {
        let stored = self
            .records
            .iter()
            .find(|record| record.is_of(limit))
            .map(|record| record.state)
            .filter(|state| state.start <= now + period(limit) + LATEST_DATE_AHEAD);
        FixedWindow::at(stored, now, period(limit))
    }

    fn write(&mut self, limit: &Limit, state: FixedWindow) {
        self.records.retain(|record| !record.is_of(limit));
        self.records.push(Record {
            algorithm: limit.algorithm(),
            period: period(limit),
            state,
        });
        // In one order whatever the history, so that equal states are equal.
        self.records.sort_by_key(|record| record.period);
    }
}

impl Record {
    fn is_of(&self, limit: &Limit) -> bool {
        self.algorithm == limit.algorithm() && self.period == period(limit)
    }
}

fn knows(limit: &Limit) -> bool {
    matches!(limit.algorithm(), Algorithm::FixedWindow)
}

fn milli(cost: Cost) -> u128 {
    u128::from(cost.as_milli())
}

fn capacity(limit: &Limit) -> u128 {
    u128::from(limit.rate().requests()) * 1_000
}

fn period(limit: &Limit) -> u128 {
    Duration::as_millis(&limit.rate().period())
}

#[cfg(test)]
mod tests;
