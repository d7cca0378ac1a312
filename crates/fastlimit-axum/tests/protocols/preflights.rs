//! Preflights of CORS, which are requests like others unless the user says otherwise.

use axum::middleware::{Next, from_fn};
use axum::{Extension, Router, extract};
use fastlimit_axum::{RateLimitLayer, RateLimitStatus};
use fastlimit_core::Decision;

use crate::support::{Answer, Calls, Server, limiter, policy};

/// Sends what a browser asks before it sends a request to another origin.
async fn preflight(server: &Server) -> Answer {
    let request = server.request("OPTIONS", "/");
    let request = request.header("origin", "https://elsewhere.example");
    let request = request.header("access-control-request-method", "GET");
    request.send().await
}

#[tokio::test]
async fn two_headers_do_not_lead_past_a_limit() {
    let (limiter, _) = limiter();
    let calls = Calls::default();
    let layer = RateLimitLayer::new(limiter, policy("work", "1/hour"));
    let server = Server::start(Router::new().route("/", calls.route()).layer(layer)).await;

    assert_eq!(preflight(&server).await.status, 200);
    for _ in 1..50 {
        let denied = preflight(&server).await;
        assert_eq!((denied.status, denied.remaining()), (429, Some(0)));
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn who_takes_the_decision_finds_that_of_a_preflight() {
    let (limiter, _) = limiter();
    let take = |decision: Extension<Decision>, request: extract::Request, next: Next| async move {
        let remaining = decision.remaining().to_string();
        ([("x-seen", remaining)], next.run(request).await)
    };
    let layer = RateLimitLayer::new(limiter, policy("work", "9/hour"));
    let app = Router::new()
        .route("/", Calls::default().route())
        .layer(from_fn(take))
        .layer(layer);
    let server = Server::start(app).await;

    let answer = preflight(&server).await;
    assert_eq!((answer.status, answer.header("x-seen")), (200, Some("8")));
}

#[tokio::test]
async fn who_takes_the_status_finds_that_a_preflight_is_exempt() {
    let (limiter, _) = limiter();
    let take = |status: RateLimitStatus, request: extract::Request, next: Next| async move {
        let charges = status.charges().len().to_string();
        ([("x-charges", charges)], next.run(request).await)
    };
    let layer = RateLimitLayer::new(limiter, policy("work", "1/hour")).exempt_preflights();
    let app = Router::new()
        .route("/", Calls::default().route())
        .layer(from_fn(take))
        .layer(layer);
    let server = Server::start(app).await;

    for _ in 0..3 {
        let answer = preflight(&server).await;
        assert_eq!(
            (answer.status, answer.header("x-charges")),
            (200, Some("0"))
        );
        assert_eq!(answer.limit(), None);
    }
    let other = server.get("/").await;
    assert_eq!((other.status, other.header("x-charges")), (200, Some("1")));
    assert_eq!(server.get("/").await.status, 429);
}
