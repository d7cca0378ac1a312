//! A request that is exempt needs no store.

use axum::Router;
use axum::http::request::Parts;
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::{Cost, RateLimiter};

use crate::support::{Asked, Calls, Down, DownLater, Server, policy};

fn is_health_check(parts: &Parts) -> bool {
    parts.uri.path() == "/healthz"
}

/// Holds a layer that exempts health checks to its word: it serves them while the store is down.
async fn serves_without_a_store(exempt: impl Fn(RateLimitLayer) -> RateLimitLayer) {
    let asked = Asked::default();
    let stores = [
        RateLimiter::new(Down(asked.clone())),
        RateLimiter::new(DownLater(asked.clone())),
    ];
    for (others, limiter) in (1..).zip(stores) {
        let layer = exempt(RateLimitLayer::new(limiter, policy("all", "100/hour")));
        let calls = Calls::default();
        let app = Router::new()
            .route("/healthz", calls.route())
            .route("/", calls.route())
            .layer(layer);
        let server = Server::start(app).await;

        for _ in 0..3 {
            let healthy = server.get("/healthz").await;
            assert_eq!((healthy.status, healthy.limit()), (200, None));
        }
        assert_eq!(server.get("/").await.status, 503);
        assert_eq!((calls.count(), asked.count()), (3, others));
    }
}

#[tokio::test]
async fn what_costs_nothing_is_served_while_the_store_is_down() {
    let cost = |parts: &Parts| match is_health_check(parts) {
        true => Cost::ZERO,
        false => Cost::ONE,
    };
    serves_without_a_store(|layer| layer.cost(cost)).await;
}

#[tokio::test]
async fn so_is_what_the_layer_skips() {
    serves_without_a_store(|layer| layer.skip(is_health_check)).await;
}

#[tokio::test]
async fn so_is_what_has_no_key() {
    let key = |parts: &Parts| (!is_health_check(parts)).then(|| "everybody".to_owned());
    serves_without_a_store(|layer| layer.key(key)).await;
}
