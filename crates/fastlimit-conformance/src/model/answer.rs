use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use fastlimit_core::{Decision, LimitStatus};

/// What the model answers to one request. Times are milliseconds, counts thousandths of a
/// request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The time that the model was given.
    pub now: u128,
    /// The time of the state that was charged.
    pub charged_at: u128,
    /// What each limit says, in the order of the request.
    pub limits: Vec<LimitAnswer>,
}

/// What one limit says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitAnswer {
    /// What is left.
    pub remaining: u128,
    /// The time until the limit is as good as new.
    pub reset_after: u128,
    /// Present where the limit denies: the time after which the request passes, `None` if it
    /// never does.
    pub denial: Option<Option<u128>>,
    /// The time after which a request of the same cost passes, 0 if at once, `None` if it never
    /// does.
    pub next_after: Option<u128>,
}

impl Answer {
    /// Tells whether every limit allows the request.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.limits.iter().all(|limit| limit.denial.is_none())
    }

    /// Returns the least that is left of a limit.
    #[must_use]
    pub fn remaining(&self) -> u128 {
        let remaining = self.limits.iter().map(|limit| limit.remaining);
        remaining.min().unwrap_or(0)
    }

    /// Returns the time until every limit is as good as new.
    #[must_use]
    pub fn reset_after(&self) -> u128 {
        let reset_after = self.limits.iter().map(|limit| limit.reset_after);
        reset_after.max().unwrap_or(0)
    }

    /// Returns the longest wait of the limits that deny; `None` if none does, or if one of them
    /// never allows the request.
    #[must_use]
    pub fn retry_after(&self) -> Option<u128> {
        let denials: Vec<_> = self
            .limits
            .iter()
            .filter_map(|limit| limit.denial)
            .collect();
        if denials.contains(&None) {
            return None;
        }
        denials.into_iter().flatten().max()
    }

    /// Returns the time after which every limit allows a request of the same cost; `None` if one of
    /// them never does.
    #[must_use]
    pub fn next_after(&self) -> Option<u128> {
        let next: Option<Vec<_>> = self.limits.iter().map(|limit| limit.next_after).collect();
        next.map(|next| next.into_iter().max().unwrap_or(0))
    }

    /// Returns the index of the limit that binds: the first of those that deny with the longest
    /// wait, else of those with the least left the first with the longest `next_after`.
    #[must_use]
    pub fn binding(&self) -> usize {
        let indices = 0..self.limits.len();
        let least_binding_first = |&index: &usize| {
            let limit = self.limits.get(index);
            let denial = limit.and_then(|limit| limit.denial);
            (
                denial.is_some(),
                denial.map(|wait| wait.unwrap_or(u128::MAX)),
                // Among those that deny, only the wait counts.
                Reverse(
                    limit
                        .filter(|_| denial.is_none())
                        .map(|limit| limit.remaining),
                ),
                // As long as the wait where it denies.
                limit.map(|limit| limit.next_after.unwrap_or(u128::MAX)),
                Reverse(index),
            )
        };
        indices.max_by_key(least_binding_first).unwrap_or(0)
    }

    /// Compares a store's answer field by field: `None` if all are equal, else the first that
    /// differs, as what the model says and what the store says.
    #[must_use]
    pub fn difference(&self, decision: &Decision) -> Option<Difference> {
        let found = decision.limits();
        let mut fields = Fields::default();
        fields.compare("now", &self.now, &millis(decision.now().as_millis()));
        fields.compare("the number of limits", &self.limits.len(), &found.len());
        for (index, (limit, status)) in self.limits.iter().zip(found).enumerate() {
            fields.compare(&format!("limit {index}"), limit, &LimitAnswer::from(status));
        }
        fields.compare(
            "charged_at",
            &self.charged_at,
            &millis(decision.charged_at().as_millis()),
        );
        fields.compare("is_allowed", &self.is_allowed(), &decision.is_allowed());
        fields.compare(
            "remaining",
            &self.remaining(),
            &millis(decision.remaining_cost().as_milli()),
        );
        fields.compare(
            "reset_after",
            &self.reset_after(),
            &decision.reset_after().as_millis(),
        );
        fields.compare(
            "retry_after",
            &self.retry_after(),
            &decision.retry_after().as_ref().map(Duration::as_millis),
        );
        fields.compare(
            "next_after",
            &self.next_after(),
            &decision.next_after().as_ref().map(Duration::as_millis),
        );
        let binding = found.get(self.binding()).copied();
        fields.compare("binding", &binding, &Some(decision.binding()));
        fields.first
    }
}

impl From<&LimitStatus> for LimitAnswer {
    fn from(status: &LimitStatus) -> Self {
        let wait = status.retry_after().as_ref().map(Duration::as_millis);
        Self {
            remaining: millis(status.remaining_cost().as_milli()),
            reset_after: status.reset_after().as_millis(),
            denial: (!status.is_allowed()).then_some(wait),
            next_after: status.next_after().as_ref().map(Duration::as_millis),
        }
    }
}

/// Where a store's answer differs from the model's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What the model says.
    pub expected: String,
    /// What the store says.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            expected,
            found,
        } = self;
        write!(f, "{field}: expected {expected}, found {found}")
    }
}

#[derive(Default)]
struct Fields {
    first: Option<Difference>,
}

impl Fields {
    fn compare<T: PartialEq + fmt::Debug>(&mut self, field: &str, expected: &T, found: &T) {
        if self.first.is_none() && expected != found {
            self.first = Some(Difference {
                field: field.to_owned(),
                expected: format!("{expected:?}"),
                found: format!("{found:?}"),
            });
        }
    }
}

fn millis(number: u64) -> u128 {
    u128::from(number)
}
