use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use fastlimit_core::store::Operation;
use fastlimit_core::{Decision, Policy};

use crate::Violation;
use crate::model::Model;
use crate::scene::Subject;

/// One request of a concurrent history: what was asked, what came back, and when.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    limits: Policy,
    operation: Operation,
    decision: Decision,
    /// When it was sent and when it was answered, in the order of all such events.
    sent: u64,
    answered: u64,
}

/// Puts the events of concurrent tasks in one order.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    events: AtomicU64,
}

impl Recorder {
    pub(crate) async fn call(
        &self,
        subject: &Subject,
        limits: &Policy,
        operation: Operation,
    ) -> Result<Call, Violation> {
        let sent = self.event();
        let decision = subject.apply(limits, operation).await?;
        Ok(Call {
            limits: limits.clone(),
            operation,
            decision,
            sent,
            answered: self.event(),
        })
    }

    fn event(&self) -> u64 {
        self.events.fetch_add(1, Ordering::SeqCst)
    }
}

/// Tells whether the calls answer as if they had come one after the other: whether there is an
/// order in which the model gives every answer, and in which no call comes before one that was
/// answered before it was sent. At most 64 calls.
pub(crate) fn linearizes(calls: &[Call]) -> bool {
    let all = calls
        .iter()
        .enumerate()
        .fold(0_u64, |all, (index, _)| all | 1 << index);
    let mut seen = HashSet::new();
    let mut open = vec![(0_u64, Model::new())];
    while let Some((done, model)) = open.pop() {
        if done == all {
            return true;
        }
        if !seen.insert((done, model.clone())) {
            continue;
        }
        let waiting = || {
            calls
                .iter()
                .enumerate()
                .filter(move |(index, _)| done & 1 << index == 0)
        };
        let first_answer = waiting().map(|(_, call)| call.answered).min();
        for (index, call) in waiting().filter(|(_, call)| Some(call.sent) < first_answer) {
            let mut next = model.clone();
            let answer = next.apply(call.limits.limits(), call.operation, call.decision.now());
            if answer.is_ok_and(|answer| answer.difference(&call.decision).is_none()) {
                open.push((done | 1 << index, next));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use fastlimit_core::{Cost, Timestamp};

    use super::*;

    /// Answers as a store does that takes the requests in this order.
    fn calls(times: &[(u64, u64)]) -> Vec<Call> {
        let limits: Policy = "2/minute".parse().unwrap();
        let now = Timestamp::from_millis(60_000);
        let mut entry = fastlimit_core::store::Entry::new();
        times
            .iter()
            .map(|&(sent, answered)| {
                let operation = Operation::Check(Cost::ONE);
                let decision = entry.apply(limits.limits(), operation, now).decision;
                Call {
                    limits: limits.clone(),
                    operation,
                    decision,
                    sent,
                    answered,
                }
            })
            .collect()
    }

    #[test]
    fn finds_the_order_of_calls_that_overlap() {
        let mut calls = calls(&[(0, 5), (1, 4), (2, 6)]);
        assert!(linearizes(&calls));
        calls.reverse();
        assert!(linearizes(&calls));
    }

    #[test]
    fn no_call_comes_before_one_that_was_answered_before_it_was_sent() {
        assert!(linearizes(&calls(&[(0, 1), (2, 3)])));
        assert!(!linearizes(&calls(&[(2, 3), (0, 1)])));
    }

    #[test]
    fn a_lost_update_has_no_order() {
        let mut calls = calls(&[(0, 3), (1, 2)]);
        calls[1].decision = calls[0].decision.clone();
        assert!(!linearizes(&calls));
    }
}
