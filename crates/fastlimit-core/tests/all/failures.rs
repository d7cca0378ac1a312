//! A store that fails in the middle.

use std::pin::pin;
use std::task::{Context, Waker};

use fastlimit::MemoryStore;
use fastlimit_core::store::{Operation, Request};
use fastlimit_core::{Decisions, Error, Policy, RateLimiter, StoreErrorKind};

use crate::scripted::{Fate, Scripted};

/// Two limiters on one store: one for which some requests fail, and one that sees what is stored.
struct Scene {
    failing: RateLimiter,
    seeing: RateLimiter,
    policy: Policy,
}

impl Scene {
    /// `c` has nothing left, `a` and `b` have 2 each.
    async fn new(fate: impl Fn(&Request<'_>) -> Fate + Send + Sync + 'static) -> Self {
        let store = MemoryStore::new();
        let scene = Self {
            failing: RateLimiter::new(Scripted::new(&store, fate)),
            seeing: RateLimiter::new(store),
            policy: Policy::new("user", "2/366d").unwrap(),
        };
        for _ in 0..2 {
            let _ = scene.seeing.check("c", &scene.policy).await.unwrap();
        }
        scene
    }

    async fn check(&self, identifiers: &[&str]) -> Result<Decisions, Error> {
        let subjects = identifiers.iter().map(|user| (*user, &self.policy));
        self.failing.all(subjects).check().await
    }

    async fn left(&self) -> [u64; 2] {
        let mut left = [0; 2];
        for (left, identifier) in left.iter_mut().zip(["a", "b"]) {
            let usage = self.seeing.request(identifier).usage(&self.policy).await;
            *left = usage.unwrap().remaining();
        }
        left
    }
}

fn is_refund(request: &Request<'_>) -> bool {
    matches!(request.operation(), Operation::Refund { .. })
}

fn kind(error: &Error) -> StoreErrorKind {
    let Error::Store(error) = error else {
        unreachable!("{error}")
    };
    error.kind()
}

#[tokio::test]
async fn what_others_were_charged_is_given_back_when_one_fails() {
    for failed in [StoreErrorKind::NotSent, StoreErrorKind::OutcomeUnknown] {
        let scene = Scene::new(move |request| match request.key().identifier() {
            "b" => Fate::Fails(failed),
            _ => Fate::Answered,
        })
        .await;
        for identifiers in [&["a", "b"][..], &["b", "a"], &["a", "b", "c"]] {
            let error = scene.check(identifiers).await.unwrap_err();
            assert_eq!(kind(&error), failed);
            assert_eq!(scene.left().await, [2, 2], "{identifiers:?}");
        }
    }
}

#[tokio::test]
async fn of_two_errors_the_one_is_told_that_leaves_the_outcome_unknown() {
    let scene = Scene::new(|request| {
        Fate::Fails(match request.key().identifier() {
            "a" => StoreErrorKind::OutcomeUnknown,
            _ => StoreErrorKind::NotSent,
        })
    })
    .await;
    for identifiers in [["a", "b"], ["b", "a"]] {
        let error = scene.check(&identifiers).await.unwrap_err();
        assert_eq!(kind(&error), StoreErrorKind::OutcomeUnknown);
    }
}

#[tokio::test]
async fn a_denial_says_what_could_not_be_given_back() {
    let scene = Scene::new(|request| match request.key().identifier() {
        "a" if is_refund(request) => Fate::Fails(StoreErrorKind::NotSent),
        _ => Fate::Answered,
    })
    .await;
    let decisions = scene.check(&["a", "b", "c"]).await.unwrap();
    assert_eq!(decisions.refused().unwrap().index(), 2);
    let error = decisions.not_given_back().unwrap();
    assert_eq!(kind(error), StoreErrorKind::NotSent);
    let decisions = decisions.as_slice();
    assert_eq!((decisions[0].remaining(), decisions[1].remaining()), (1, 2));
    assert_eq!(scene.left().await, [1, 2]);
}

#[tokio::test]
async fn an_error_says_what_could_not_be_given_back() {
    let scene = Scene::new(|request| match request.key().identifier() {
        "a" if is_refund(request) => Fate::Fails(StoreErrorKind::Refused),
        "b" => Fate::Fails(StoreErrorKind::NotSent),
        _ => Fate::Answered,
    })
    .await;
    let error = scene.check(&["a", "b"]).await.unwrap_err();
    // Not that nothing was charged, as each of the two says.
    assert_eq!(kind(&error), StoreErrorKind::OutcomeUnknown);
    assert!(error.to_string().contains("not given back"), "{error}");
    assert_eq!(scene.left().await, [1, 2]);
}

#[tokio::test]
async fn a_check_that_is_dropped_in_the_middle_leaves_charged_what_was_charged() {
    let scene = Scene::new(|request| match request.key().identifier() {
        "b" => Fate::NeverAnswered,
        _ => Fate::Answered,
    })
    .await;
    {
        let mut check = pin!(scene.check(&["a", "b", "c"]));
        // Nothing is asked before it is first polled, and then all.
        assert_eq!(scene.left().await, [2, 2]);
        for _ in 0..5 {
            let context = &mut Context::from_waker(Waker::noop());
            assert!(check.as_mut().poll(context).is_pending());
        }
    }
    assert_eq!(scene.left().await, [1, 2]);
}
