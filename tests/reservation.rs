//! Reservations settle to what a request really cost, under every algorithm.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::time::Duration;

use fastlimit::{Cost, ManualClock, MemoryStore, Policy, RateLimiter};

const ALGORITHMS: [&str; 3] = ["fixed-window", "sliding-window", "token-bucket"];

fn limiter() -> (RateLimiter, ManualClock) {
    let clock = ManualClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    (RateLimiter::new(store), clock)
}

fn tokens(algorithm: &str) -> Policy {
    Policy::new("tokens", format!("1000/hour {algorithm}")).unwrap()
}

#[tokio::test]
async fn what_was_too_much_comes_back_and_what_was_missing_is_charged() {
    for algorithm in ALGORITHMS {
        let ((limiter, _), policy) = (limiter(), tokens(algorithm));
        let request = limiter.request("key").tenant("gold");

        let reserved = request
            .reserve(Cost::requests(400), &policy)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(reserved.estimate(), Cost::requests(400));
        let settled = reserved.settle(Cost::milli(150_500)).await.unwrap();
        assert_eq!(
            settled.remaining_cost(),
            Cost::milli(849_500),
            "{algorithm}"
        );

        let reserved = request
            .reserve(Cost::requests(400), &policy)
            .await
            .unwrap()
            .unwrap();
        // More than there is: the debt denies until it has drained.
        let settled = reserved.settle(Cost::requests(900)).await.unwrap();
        assert_eq!(settled.remaining_cost(), Cost::ZERO, "{algorithm}");
        assert!(request.check(&policy).await.unwrap().is_denied());

        let reserved = limiter.request("other").reserve(Cost::requests(5), &policy);
        let same = reserved
            .await
            .unwrap()
            .unwrap()
            .settle(Cost::requests(5))
            .await
            .unwrap();
        assert_eq!(same.remaining(), 995, "{algorithm}");
    }
}

#[tokio::test]
async fn a_cancelled_reservation_costs_nothing_and_a_dropped_one_its_estimate() {
    for algorithm in ALGORITHMS {
        let ((limiter, _), policy) = (limiter(), tokens(algorithm));
        let request = limiter.request("key");
        let reserved = request
            .reserve(Cost::requests(400), &policy)
            .await
            .unwrap()
            .unwrap();
        let cancelled = reserved.cancel().await.unwrap();
        assert_eq!(cancelled.remaining(), 1_000, "{algorithm}");

        drop(
            request
                .reserve(Cost::requests(400), &policy)
                .await
                .unwrap()
                .unwrap(),
        );
        assert_eq!(
            request.usage(&policy).await.unwrap().remaining(),
            600,
            "{algorithm}"
        );
    }
}

#[tokio::test]
async fn a_reservation_past_the_limit_charges_nothing() {
    let ((limiter, _), policy) = (limiter(), tokens("fixed-window"));
    let request = limiter.request("key");
    let exceeded = request
        .reserve(Cost::requests(1_001), &policy)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(exceeded.retry_after(), None);
    assert_eq!(request.usage(&policy).await.unwrap().remaining(), 1_000);
}

#[tokio::test]
async fn it_may_be_kept_while_the_clock_goes_on() {
    let ((limiter, clock), policy) = (limiter(), tokens("fixed-window"));
    let request = limiter.request("key");
    let reserved = request
        .reserve(Cost::requests(400), &policy)
        .await
        .unwrap()
        .unwrap();
    clock.advance(Duration::from_secs(3_600));
    assert!(request.check(&policy).await.unwrap().is_allowed());
    // The window that was charged is over: nothing of this one is given back.
    let settled = tokio::spawn(reserved.settle(Cost::ZERO))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(settled.remaining(), 999);
}

#[tokio::test]
async fn a_receipt_gives_back_its_own_cost_later() {
    for algorithm in ALGORITHMS {
        let ((limiter, _), policy) = (limiter(), tokens(algorithm));
        let request = limiter.request("key");
        let reserved = request
            .reserve(Cost::requests(400), &policy)
            .await
            .unwrap()
            .unwrap();
        let receipt = reserved.into_receipt();
        assert_eq!(receipt.cost(), Cost::requests(400));
        let left = async || request.usage(&policy).await.unwrap().remaining();
        assert_eq!(left().await, 600, "{algorithm}");
        // Whatever the request costs that it is given back by.
        let given_back = request.cost(Cost::requests(900)).refund(receipt, &policy);
        assert_eq!(given_back.await.unwrap().remaining(), 1_000, "{algorithm}");
        assert_eq!(left().await, 1_000, "{algorithm}");
    }
}
