//! One layer that a request meets twice, around a router and again around a route of it.

use axum::Router;
use axum::http::request::Parts;
use fastlimit_axum::RateLimitLayer;

use crate::support::{Calls, Log, Server, limiter, policy};

/// The lines of the log that complain.
fn complaints(log: &Log) -> Vec<String> {
    let text = log.text();
    let complaints = text
        .lines()
        .filter(|line| line.contains("WARN") || line.contains("ERROR"));
    complaints.map(str::to_owned).collect()
}

/// Serves `/v1/x` with the layer around it and around all, and counts who comes through.
async fn serve_twice(layer: RateLimitLayer) -> (Server, Calls) {
    let calls = Calls::default();
    let inner = Router::new()
        .route("/x", calls.route())
        .layer(layer.clone());
    let app = Router::new().nest("/v1", inner).layer(layer);
    (Server::start(app).await, calls)
}

#[tokio::test]
async fn a_request_is_charged_once_and_the_log_told_once() {
    let (log, _guard) = Log::record();
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("twice", "2/hour"));
    let (server, calls) = serve_twice(layer).await;

    for remaining in [1, 0] {
        let answer = server.get("/v1/x").await;
        assert_eq!((answer.status, answer.remaining()), (200, Some(remaining)));
    }
    assert_eq!(server.get("/v1/x").await.status, 429);
    assert_eq!(calls.count(), 2);
    let complaints = complaints(&log);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
}

#[tokio::test]
async fn nor_is_it_charged_twice_by_a_layer_that_has_to_wait() {
    let (limiter, _) = limiter();
    let somebody = |_: &Parts| async {
        tokio::task::yield_now().await;
        "somebody"
    };
    let layer = RateLimitLayer::new(limiter, policy("waiting", "2/hour")).key(somebody);
    let (server, calls) = serve_twice(layer).await;

    for remaining in [1, 0] {
        let answer = server.get("/v1/x").await;
        assert_eq!((answer.status, answer.remaining()), (200, Some(remaining)));
    }
    assert_eq!(server.get("/v1/x").await.status, 429);
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn a_layer_on_two_routes_charges_each_request_and_nobody_complains() {
    let (log, _guard) = Log::record();
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("shared", "2/hour"));
    let calls = Calls::default();
    let app = Router::new()
        .route("/a", calls.route().layer(layer.clone()))
        .route("/b", calls.route().layer(layer));
    let server = Server::start(app).await;

    assert_eq!(server.get("/a").await.remaining(), Some(1));
    assert_eq!(server.get("/b").await.remaining(), Some(0));
    assert_eq!(complaints(&log), [""; 0]);
}
