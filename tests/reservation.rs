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
async fn what_is_settled_does_not_say_when_the_next_passes() {
    for limits in ["4/hour", "4/hour; 4/day", "4/hour token-bucket"] {
        let policy = Policy::new("jobs", limits).unwrap();
        for actual in [0, 1, 3, 9] {
            let (limiter, _) = limiter();
            let request = limiter.request("key");
            let reserved = request.reserve(Cost::requests(2), &policy).await;
            let settled = reserved.unwrap().unwrap().settle(Cost::requests(actual));
            let settled = settled.await.unwrap();
            assert!(settled.is_allowed());
            assert_eq!(settled.next_after(), None, "{limits}, {actual}");
            let mut limits = settled.limits().iter();
            assert!(limits.all(|limit| limit.next_after().is_none()));
            assert_eq!(settled.remaining(), 4_u64.saturating_sub(actual));
            assert_eq!(settled.retry_after(), None);
        }
    }

    // Nothing was asked of the store: it is the decision on the estimate.
    let ((limiter, _), policy) = (limiter(), Policy::new("jobs", "4/hour").unwrap());
    let reserved = limiter.request("key").reserve(Cost::requests(4), &policy);
    let settled = reserved.await.unwrap().unwrap().settle(Cost::requests(4));
    assert_eq!(
        settled.await.unwrap().next_after(),
        Some(Duration::from_secs(3_600))
    );
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
async fn what_a_bucket_admits_at_once_after_a_refund_is_at_most_what_refilled_more_than_its_burst()
{
    let policy = Policy::new("jobs", "1/second burst 10 token-bucket").unwrap();
    for (seconds, most) in [(0, 10), (4, 14), (10, 20), (15, 20)] {
        let (limiter, clock) = limiter();
        let request = limiter.request("key");
        let reserved = request.reserve(Cost::requests(10), &policy).await;
        let reserved = reserved.unwrap().unwrap();
        clock.advance(Duration::from_secs(seconds));

        let admits_all = async || {
            let mut admitted = 0;
            while request.check(&policy).await.unwrap().is_allowed() {
                admitted += 1;
            }
            admitted
        };
        let before = admits_all().await;
        assert_eq!(before, seconds.min(10));
        let _ = reserved.cancel().await.unwrap();
        assert_eq!(before + admits_all().await, most, "after {seconds} s");
    }
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
