//! What is answered, and what is asked of a store.

use std::sync::Arc;
use std::time::Duration;

use fastlimit::MemoryStore;
use fastlimit_core::store::{AsyncStore, Entry, Reply, Request, async_trait};
use fastlimit_core::{
    Algorithm, Cost, Decision, Error, InvalidLimit, Limit, ManualClock, Policy, Rate, RateLimiter,
    Store, StoreError, StoreErrorKind, Timestamp,
};
use tokio::sync::Barrier;

fn limiter() -> RateLimiter {
    let clock = ManualClock::new(Timestamp::from_millis(1_000));
    RateLimiter::new(MemoryStore::builder().clock(clock).build())
}

fn policy(name: &str, limits: &str) -> Policy {
    Policy::new(name, limits).unwrap()
}

async fn left(limiter: &RateLimiter, identifier: &str, policy: &Policy) -> u64 {
    let usage = limiter.request(identifier).usage(policy).await;
    usage.unwrap().remaining()
}

#[tokio::test]
async fn who_is_over_its_own_limit_takes_nothing_from_everybody() {
    let (per_user, overall) = (policy("user", "1/hour"), policy("overall", "10/hour"));
    // Whoever comes first in the list.
    for turned in [false, true] {
        let limiter = limiter();
        let ask = async |user| {
            let mut subjects = [(user, &per_user), ("everybody", &overall)];
            if turned {
                subjects.reverse();
            }
            limiter.all(subjects).check().await.unwrap().is_allowed()
        };
        let mut passed = 0;
        for _ in 0..20 {
            passed += u32::from(ask("mallory").await);
        }
        assert_eq!(passed, 1);
        assert!(ask("ada").await);
        assert_eq!(left(&limiter, "everybody", &overall).await, 8);
    }
}

#[tokio::test]
async fn the_one_with_the_longest_wait_refuses() {
    let limiter = limiter();
    let (second, hour, day) = (
        policy("second", "1/second"),
        policy("hour", "1/hour"),
        policy("day", "1/day"),
    );
    let subjects = [("a", &second), ("b", &hour), ("c", &hour), ("d", &day)];
    for (identifier, policy) in &subjects[..3] {
        let _ = limiter.check(identifier, *policy).await.unwrap();
    }
    let decisions = limiter.all(subjects).check().await.unwrap();
    let refused = decisions.refused().unwrap();
    assert_eq!((refused.index(), refused.policy()), (1, "hour"));
    let hour_left = Duration::from_secs(3_599);
    assert_eq!(decisions.retry_after(), Some(hour_left));
    let exceeded = decisions.clone().into_result().unwrap_err();
    assert_eq!(exceeded.retry_after(), Some(hour_left));
    let denied: Vec<_> = decisions
        .as_slice()
        .iter()
        .map(Decision::is_denied)
        .collect();
    assert_eq!(denied, [true, true, true, false]);
    assert_eq!(left(&limiter, "d", &day).await, 1);

    // What never passes waits longest.
    let never = limiter.request("e").cost(Cost::requests(2)).under(&second);
    let subjects = [never, subjects[1].into(), subjects[3].into()];
    let decisions = limiter.all(subjects).check().await.unwrap();
    assert_eq!(decisions.refused().unwrap().index(), 0);
    assert_eq!(decisions.retry_after(), None);
    assert!(decisions.is_denied());
}

#[tokio::test]
async fn the_same_subject_twice_is_charged_twice_or_not_at_all() {
    let limiter = limiter();
    let policy = policy("user", "3/hour");
    let twice = [("a", &policy), ("a", &policy)];
    assert!(limiter.all(twice).check().await.unwrap().is_allowed());
    let decisions = limiter.all(twice).check().await.unwrap();
    assert_eq!(decisions.refused().unwrap().index(), 1);
    assert_eq!(left(&limiter, "a", &policy).await, 1);
}

#[tokio::test]
async fn the_same_subject_twice_waits_for_one_charge() {
    let limiter = limiter();
    let policy = policy("user", "1/minute burst 3 token-bucket");
    let spent = limiter.request("a").cost(Cost::requests(3)).check(&policy);
    assert!(spent.await.unwrap().is_allowed());
    let decisions = limiter.all([("a", &policy), ("a", &policy)]).check().await;
    let wait = decisions.unwrap().retry_after();
    assert_eq!(wait, Some(Duration::from_secs(60))); // both pass after 120 s
}

#[tokio::test]
async fn a_subject_of_cost_zero_passes_where_nothing_is_left() {
    let limiter = limiter();
    let (spent, other) = (policy("spent", "1/hour"), policy("other", "1/hour"));
    let _ = limiter.check("a", &spent).await.unwrap();
    let free = limiter.request("a").cost(Cost::ZERO).under(&spent);
    let subjects = [free, ("a", &other).into()];
    let decisions = limiter.all(subjects).check().await.unwrap();
    assert!(decisions.is_allowed());
    assert_eq!(decisions.as_slice()[0].remaining(), 0);
    assert!(limiter.all(subjects).check().await.unwrap().is_denied());
}

#[tokio::test]
async fn without_subjects_it_is_allowed() {
    let none: [(&str, Rate); 0] = [];
    let decisions = limiter().all(none).check().await.unwrap();
    assert!(decisions.is_allowed() && decisions.refused().is_none());
    assert!(decisions.into_result().unwrap().is_empty());
}

#[tokio::test]
async fn bare_rates_count_by_the_default_algorithm_of_the_limiter() {
    let store = MemoryStore::new();
    let limiter = RateLimiter::builder(store).default_algorithm(Algorithm::SlidingLog);
    let limiter = limiter.build();
    let good = Rate::per_hour(9).unwrap();
    let decisions = limiter.all([("a", good)]).check().await.unwrap();
    let expected: Limit = "9/hour sliding-log".parse().unwrap();
    assert_eq!(decisions.as_slice()[0].limits()[0].limit(), expected);

    // Nothing is asked where one of them is not served.
    let bad = Rate::per_hour(1_001).unwrap();
    let error = limiter.all([("a", good), ("b", bad)]).check().await;
    assert!(matches!(error, Err(Error::Limit(InvalidLimit::Log))));
    let usage = limiter.request("a").usage(good).await.unwrap();
    assert_eq!(usage.remaining(), 8);
}

#[tokio::test]
async fn a_subject_of_another_limiter_is_asked_of_that_one() {
    let (here, there) = (limiter(), limiter());
    let (per_user, overall) = (policy("user", "1/hour"), policy("overall", "9/hour"));
    let subjects = [
        here.request("ada").under(&per_user),
        there.request("everybody").under(&overall),
        ("tuple", &overall).into(),
    ];
    assert!(here.all(subjects).check().await.unwrap().is_allowed());
    assert!(here.all(subjects).check().await.unwrap().is_denied());
    assert_eq!(left(&there, "everybody", &overall).await, 8);
    assert_eq!(left(&here, "everybody", &overall).await, 9);
    assert_eq!(left(&here, "tuple", &overall).await, 8);
}

/// Answers nobody before as many have asked as it waits for.
struct Gathering(Barrier);

#[async_trait]
impl AsyncStore for Gathering {
    async fn apply(&self, request: Request<'_>) -> Result<Decision, StoreError> {
        self.0.wait().await;
        let mut entry = Entry::new();
        let now = Timestamp::from_millis(1_000);
        Ok(entry
            .apply(request.limits(), request.operation(), now)
            .decision)
    }
}

#[tokio::test]
async fn the_replies_are_waited_for_at_the_same_time() {
    let limiter = RateLimiter::new(Arc::new(Gathering(Barrier::new(3))));
    let policy = policy("user", "9/hour");
    let all = limiter.all(["a", "b", "c"].map(|user| (user, &policy)));
    let check = tokio::time::timeout(Duration::from_secs(20), all.check());
    assert!(check.await.unwrap().unwrap().is_allowed());
}

/// Gives one reply, whatever it was asked.
struct Forgetful(MemoryStore);

impl Store for Forgetful {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        self.0.apply(request)
    }

    fn answers_at_once(&self) -> bool {
        true
    }

    fn apply_all(&self, requests: &[Request<'_>]) -> Vec<Reply<'_>> {
        requests[..1]
            .iter()
            .map(|request| self.apply(request))
            .collect()
    }
}

#[tokio::test]
async fn a_reply_that_is_missing_leaves_the_outcome_unknown() {
    let limiter = RateLimiter::new(Forgetful(MemoryStore::new()));
    let policy = policy("user", "9/hour");
    let subjects = [("a", &policy), ("b", &policy)];
    let error = limiter.all(subjects).check().await.unwrap_err();
    assert!(matches!(
        error,
        Error::Store(error) if error.kind() == StoreErrorKind::OutcomeUnknown
    ));
    assert_eq!(left(&limiter, "a", &policy).await, 9);
}
