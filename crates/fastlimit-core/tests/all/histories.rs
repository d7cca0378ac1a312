//! Random histories against the model of each subject: what is refused leaves no trace.

use std::collections::HashMap;
use std::time::Duration;

use fastlimit::MemoryStore;
use fastlimit_core::store::{Entry, Operation};
use fastlimit_core::{Clock, Cost, Decision, ManualClock, Policy, RateLimiter, Timestamp};
use proptest::prelude::*;

const IDENTIFIERS: [&str; 2] = ["ada", "mallory"];

fn policies() -> [Policy; 5] {
    [
        ("fixed", "4/second"),
        ("sliding", "4/second sliding-window"),
        ("bucket", "3/second burst 5 token-bucket"),
        ("log", "4/second sliding-log"),
        (
            "several",
            "3/second; 6/3s sliding-window; 9/10s token-bucket",
        ),
    ]
    .map(|(name, limits)| Policy::new(name, limits).unwrap())
}

/// One of several subjects: an identifier, a policy, and a cost in milli.
type Asked = (usize, usize, u64);

fn asked() -> impl Strategy<Value = Asked> {
    let cost = prop_oneof![Just(1_000), Just(0), 1_u64..2_500, Just(5_001)];
    (0..IDENTIFIERS.len(), 0_usize..5, cost)
}

fn steps() -> impl Strategy<Value = Vec<(u64, Vec<Asked>)>> {
    let wait = prop_oneof![Just(0), 1_u64..300, 500_u64..4_000];
    let subjects = prop::collection::vec(asked(), 1..4);
    prop::collection::vec((wait, subjects), 1..40)
}

/// The state of each subject, of requests that were allowed and no others.
#[derive(Default)]
struct Model(HashMap<(usize, usize), Entry>);

impl Model {
    /// Applies all checks or none.
    fn check_all(&mut self, policies: &[Policy], asked: &[Asked], now: Timestamp) -> Vec<Decision> {
        let mut after = self.0.clone();
        let decisions: Vec<_> = asked
            .iter()
            .map(|&(identifier, policy, cost)| {
                let entry = after.entry((identifier, policy)).or_default();
                let check = Operation::Check(Cost::milli(cost));
                entry.apply(policies[policy].limits(), check, now).decision
            })
            .collect();
        if decisions.iter().all(Decision::is_allowed) {
            self.0 = after;
        }
        decisions
    }

    fn usage(&self, policies: &[Policy], subject: (usize, usize), now: Timestamp) -> Decision {
        let mut entry = self.0.get(&subject).cloned().unwrap_or_default();
        let usage = Operation::Peek(Cost::ZERO);
        entry
            .apply(policies[subject.1].limits(), usage, now)
            .decision
    }
}

async fn replay(steps: &[(u64, Vec<Asked>)]) -> Result<(), TestCaseError> {
    let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_300));
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let (limiter, policies, mut model) = (RateLimiter::new(store), policies(), Model::default());
    for (wait, asked) in steps {
        clock.advance(Duration::from_millis(*wait));
        let now = clock.now();
        let subjects = asked.iter().map(|&(identifier, policy, cost)| {
            let request = limiter.request(IDENTIFIERS[identifier]);
            request.cost(Cost::milli(cost)).under(&policies[policy])
        });
        let decisions = limiter.all(subjects).check().await.unwrap();
        let expected = model.check_all(&policies, asked, now);
        let is_allowed = expected.iter().all(Decision::is_allowed);
        prop_assert_eq!(decisions.is_allowed(), is_allowed);
        prop_assert!(decisions.not_given_back().is_none());
        if is_allowed {
            prop_assert_eq!(decisions.as_slice(), &expected[..]);
        } else {
            let longest = expected.iter().filter(|decision| decision.is_denied());
            let waits: Vec<_> = longest.map(Decision::retry_after).collect();
            let never = waits.contains(&None);
            let expected = waits.into_iter().flatten().max().filter(|_| !never);
            prop_assert_eq!(decisions.retry_after(), expected);
            let shown = decisions.as_slice().iter().zip(asked);
            for (decision, &(identifier, policy, _)) in shown {
                let subject = (identifier, policy);
                let is_once = asked
                    .iter()
                    .filter(|asked| (asked.0, asked.1) == subject)
                    .count()
                    == 1;
                // As it stands after giving back.
                let usage = model.usage(&policies, subject, now);
                prop_assert!(!is_once || decision.remaining_cost() == usage.remaining_cost());
            }
        }
        for (number, identifier) in IDENTIFIERS.into_iter().enumerate() {
            for (place, policy) in policies.iter().enumerate() {
                let usage = limiter.request(identifier).usage(policy).await;
                let expected = model.usage(&policies, (number, place), now);
                prop_assert_eq!(usage.unwrap(), expected);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_refused_leaves_no_trace_and_what_is_allowed_is_charged(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(replay(&steps))?;
    }
}
