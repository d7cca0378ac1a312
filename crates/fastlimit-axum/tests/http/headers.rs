use std::time::Duration;

use axum::http::header::HeaderName;
use axum::routing::get;
use axum::{Extension, Router};
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::{Cost, Decision};
use serde_json::json;

use crate::support::{Calls, Server, limiter, policy};

#[tokio::test]
async fn the_headers_fall_with_each_request() {
    let (limiter, clock) = limiter();
    let calls = Calls::default();
    let layer = RateLimitLayer::new(limiter, policy("users", "100/minute"));
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

    for remaining in [99, 98, 97] {
        let answer = server.get("/").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        assert_eq!(answer.limit(), Some((100, remaining, 40)));
        assert_eq!(answer.header("retry-after"), None);
    }
    clock.advance(Duration::from_millis(500)); // 39 s to go, to the millisecond
    assert_eq!(server.get("/").await.limit(), Some((100, 96, 39)));
    clock.advance(Duration::from_millis(38_999));
    assert_eq!(server.get("/").await.limit(), Some((100, 95, 1)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(server.get("/").await.limit(), Some((100, 99, 60)));
    assert_eq!(calls.count(), 6);
}

#[tokio::test]
async fn a_denial_says_when_to_come_back_and_that_is_true() {
    let (limiter, clock) = limiter();
    let calls = Calls::default();
    let layer = RateLimitLayer::new(limiter, policy("users", "2/minute"));
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;
    for _ in 0..2 {
        assert_eq!(server.get("/").await.status, 200);
    }

    let denied = server.get("/").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), Some("40"));
    assert_eq!(denied.limit(), Some((2, 0, 40)));
    assert_eq!(denied.header("content-type"), Some("application/json"));
    assert_eq!(
        denied.body,
        "{\"error\":\"rate_limit_exceeded\",\
         \"message\":\"rate limit of 2/minute exceeded; retry after 40 s\",\
         \"retry_after\":40,\"limit\":\"2/minute\",\"policy\":\"users\"}"
    );

    clock.advance(Duration::from_secs(39));
    let denied = server.get("/").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), Some("1")); // half a second, rounded up
    assert_eq!(calls.count(), 2, "a denied request reached the handler");

    clock.advance(Duration::from_secs(1));
    assert_eq!(server.get("/").await.limit(), Some((2, 1, 60)));
}

#[tokio::test]
async fn what_waiting_never_helps_has_no_retry_after() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "2/minute")).cost(Cost::requests(3));
    let calls = Calls::default();
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

    let denied = server.get("/").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), None);
    assert_eq!(denied.limit(), Some((2, 2, 40)));
    assert_eq!(denied.json()["retry_after"], json!(null));
    assert_eq!(calls.count(), 0);
}

#[tokio::test]
async fn the_headers_show_the_limit_that_binds() {
    let (limiter, clock) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "2/second; 3/hour"));
    let server =
        Server::start(Router::new().route("/", Calls::default().route().layer(layer))).await;

    assert_eq!(server.get("/").await.limit(), Some((2, 1, 1)));
    assert_eq!(server.get("/").await.limit(), Some((2, 0, 1)));
    let denied = server.get("/").await;
    assert_eq!((denied.status, denied.limit()), (429, Some((2, 0, 1))));
    assert_eq!(denied.json()["limit"], "2/second");

    clock.advance(Duration::from_secs(1));
    assert_eq!(server.get("/").await.remaining(), Some(0));
    let denied = server.get("/").await;
    assert_eq!(denied.json()["limit"], "3/hour");
    // 1_700_000_000 s is 800 s into its hour; 1.5 s have passed since.
    assert_eq!(denied.limit(), Some((3, 0, 2799)));
    assert_eq!(denied.header("retry-after"), Some("2799"));
}

#[tokio::test]
async fn what_remains_is_rounded_down() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "2/minute")).cost(Cost::milli(1));
    let server =
        Server::start(Router::new().route("/", Calls::default().route().layer(layer))).await;
    assert_eq!(server.get("/").await.remaining(), Some(1));
}

#[tokio::test]
async fn the_handler_reads_the_decision_and_keeps_headers_of_its_own() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "5/minute"));
    let remaining =
        |Extension(decision): Extension<Decision>| async move { decision.remaining().to_string() };
    let own = || async { [(HeaderName::from_static("x-ratelimit-limit"), "7000")] };
    let app = Router::new()
        .route("/remaining", get(remaining))
        .route("/own", get(own))
        .layer(layer);
    let server = Server::start(app).await;

    assert_eq!(server.get("/remaining").await.body, "4");
    let answer = server.get("/own").await;
    assert_eq!(answer.header("x-ratelimit-limit"), Some("7000"));
    assert_eq!(answer.header("x-ratelimit-remaining"), None);
    assert_eq!(server.get("/remaining").await.body, "2");
}

#[tokio::test]
async fn numbers_of_any_size_are_shown_also_of_a_policy_set_later() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "5/minute"))
        .policy(policy("users", "1_000_000_000/day"));
    let server =
        Server::start(Router::new().route("/", Calls::default().route().layer(layer))).await;
    for remaining in [999_999_999, 999_999_998] {
        let shown = server.get("/").await.limit();
        // 1_700_000_000.5 s are 80_000.5 s into their day.
        assert_eq!(shown, Some((1_000_000_000, remaining, 6_400)));
    }
}
