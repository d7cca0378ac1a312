//! Many at once: no limit is exceeded, and in the end nothing is lost.

use std::collections::HashMap;

use fastlimit::MemoryStore;
use fastlimit_core::{Cost, Policy, RateLimiter};

use crate::scripted::{Fate, Scripted};

const TASKS: usize = 8;
const CHECKS: usize = 200;

/// Asks for a user, an address and everybody, from many tasks.
async fn ask(limiter: &RateLimiter, policies: &[Policy; 3]) -> HashMap<(usize, String), u64> {
    let tasks = (0..TASKS).map(|task| {
        let (limiter, policies) = (limiter.clone(), policies.clone());
        tokio::spawn(async move {
            let mut charged = HashMap::new();
            let mut rng = fastrand::Rng::with_seed(u64::try_from(task).unwrap());
            for _ in 0..CHECKS {
                let names = [
                    format!("user {}", rng.u8(0..5)),
                    format!("address {}", rng.u8(0..3)),
                    "everybody".to_owned(),
                ];
                let cost = rng.u64(1..=2);
                let subjects = names.iter().zip(&policies).map(|(name, policy)| {
                    let request = limiter.request(name).cost(Cost::requests(cost));
                    request.under(policy)
                });
                if limiter.all(subjects).check().await.unwrap().is_allowed() {
                    for subject in names.into_iter().enumerate() {
                        *charged.entry(subject).or_insert(0) += cost;
                    }
                }
            }
            charged
        })
    });
    let mut charged = HashMap::new();
    for task in tasks.collect::<Vec<_>>() {
        for (subject, cost) in task.await.unwrap() {
            *charged.entry(subject).or_insert(0) += cost;
        }
    }
    charged
}

async fn nothing_is_exceeded_or_lost(limiter: RateLimiter) {
    for algorithm in ["fixed-window", "sliding-window", "sliding-log"] {
        let policies = [("user", 40), ("address", 60), ("overall", 150)].map(|(name, number)| {
            let name = format!("{name} {algorithm}");
            Policy::new(&name, format!("{number}/366d {algorithm}")).unwrap()
        });
        let charged = ask(&limiter, &policies).await;
        assert!(charged[&(2, "everybody".to_owned())] > 100, "{charged:?}");
        for ((place, name), charged) in charged {
            let policy = &policies[place];
            let capacity = policy.limits()[0].capacity().whole_requests();
            assert!(charged <= capacity, "{name} {algorithm}");
            let usage = limiter.request(&name).usage(policy).await.unwrap();
            assert_eq!(usage.remaining(), capacity - charged, "{name} {algorithm}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_limit_is_exceeded_and_nothing_is_lost() {
    nothing_is_exceeded_or_lost(RateLimiter::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_limit_is_exceeded_on_a_store_that_waits() {
    let store = Scripted::new(&MemoryStore::new(), |_| Fate::Answered);
    nothing_is_exceeded_or_lost(RateLimiter::new(store)).await;
}
