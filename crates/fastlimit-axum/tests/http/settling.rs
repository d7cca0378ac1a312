//! Charges that the response corrects.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use fastlimit_axum::{QuotaRequest, RateLimitLayer};
use fastlimit_core::{Cost, RateLimiter};

use crate::support::{Server, limiter, policy};

#[derive(Clone)]
struct Tokens(u64);

/// `/200/7` is answered with 200 and says that it took 7 tokens.
async fn serve(
    layer: impl FnOnce(RateLimitLayer) -> RateLimitLayer,
    limits: &str,
) -> (Server, RateLimiter) {
    let handler = |Path((status, tokens)): Path<(u16, u64)>| async move {
        assert_ne!(status, 599, "a handler that panics");
        let status = StatusCode::from_u16(status).unwrap();
        (status, Extension(Tokens(tokens))).into_response()
    };
    let (limiter, _) = limiter();
    let layer = layer(RateLimitLayer::new(limiter.clone(), policy("settled", limits)).key("all"));
    let app = Router::new().route("/{status}/{tokens}", get(handler).layer(layer));
    (Server::start(app).await, limiter)
}

async fn remaining(limiter: &RateLimiter, limits: &str) -> u64 {
    let policy = policy("settled", limits);
    limiter
        .request("all")
        .usage(&policy)
        .await
        .unwrap()
        .remaining()
}

#[tokio::test]
async fn what_does_not_count_costs_nothing_in_the_end() {
    let failed = |layer: RateLimitLayer| layer.count_if(|response| response.status() == 401);
    let (server, limiter) = serve(failed, "2/hour").await;

    for _ in 0..5 {
        assert_eq!(server.get("/200/0").await.limit(), Some((2, 2, 2_800)));
    }
    assert_eq!(server.get("/401/0").await.remaining(), Some(1));
    assert_eq!(server.get("/200/0").await.remaining(), Some(1));
    assert_eq!(server.get("/401/0").await.remaining(), Some(0));
    assert_eq!(server.get("/200/0").await.status, 429);
    assert_eq!(remaining(&limiter, "2/hour").await, 0);
}

#[tokio::test]
async fn a_handler_that_panics_stays_charged() {
    let failed = |layer: RateLimitLayer| layer.count_if(|response| response.status() == 401);
    let (server, limiter) = serve(failed, "2/hour").await;
    assert!(server.request("GET", "/599/0").try_send().await.is_none());
    assert_eq!(remaining(&limiter, "2/hour").await, 1);
}

#[tokio::test]
async fn a_cost_that_is_known_afterwards_corrects_the_estimate() {
    let tokens = |layer: RateLimitLayer| {
        layer.cost(Cost::requests(10)).cost_after(|response| {
            let tokens = response.extensions().get::<Tokens>();
            Cost::requests(tokens.map_or(10, |tokens| tokens.0))
        })
    };
    let (server, limiter) = serve(tokens, "100/hour").await;

    assert_eq!(server.get("/200/4").await.remaining(), Some(96));
    assert_eq!(server.get("/200/10").await.remaining(), Some(86));
    assert_eq!(server.get("/200/80").await.remaining(), Some(6));
    // The estimate is past what is left.
    let denied = server.get("/200/1").await;
    assert_eq!((denied.status, denied.remaining()), (429, Some(6)));
    assert_eq!(remaining(&limiter, "100/hour").await, 6);
}

#[tokio::test]
async fn a_debt_denies_the_next() {
    let tokens = |layer: RateLimitLayer| {
        layer.cost_after(|response| {
            let tokens = response.extensions().get::<Tokens>();
            Cost::requests(tokens.map_or(1, |tokens| tokens.0))
        })
    };
    let (server, _) = serve(tokens, "10/hour").await;
    assert_eq!(server.get("/200/25").await.limit(), Some((10, 0, 2_800)));
    assert_eq!(server.get("/200/1").await.status, 429);
}

#[tokio::test]
async fn several_subjects_are_corrected_together() {
    let both = |layer: RateLimitLayer| {
        let layer = layer.also(policy("overall", "9/hour"), "all");
        layer.count_if(|response| response.status() == 401)
    };
    let (server, limiter) = serve(both, "5/hour").await;
    let overall = policy("overall", "9/hour");
    let left = async || {
        limiter
            .request("all")
            .usage(&overall)
            .await
            .unwrap()
            .remaining()
    };

    assert_eq!(server.get("/200/0").await.remaining(), Some(5));
    assert_eq!(left().await, 9);
    assert_eq!(server.get("/401/0").await.remaining(), Some(4));
    assert_eq!(left().await, 8);
}

#[tokio::test]
async fn subjects_of_another_cost_keep_theirs() {
    let (limiter, _) = limiter();
    let [tokens, prompts] = [policy("tokens", "100/hour"), policy("prompts", "9/hour")];
    let request = QuotaRequest::new(&tokens)
        .key("ada")
        .cost(Cost::requests(50))
        .also(QuotaRequest::new(&prompts).key("ada"));
    let layer =
        RateLimitLayer::look_up(limiter.clone(), request).cost_after(|_| Cost::requests(20));
    let server = Server::start(Router::new().route("/", get("ok")).layer(layer)).await;

    assert_eq!(server.get("/").await.status, 200);
    let left = async |policy| {
        limiter
            .request("ada")
            .usage(policy)
            .await
            .unwrap()
            .remaining()
    };
    assert_eq!(left(&tokens).await, 80);
    assert_eq!(left(&prompts).await, 8);
}
