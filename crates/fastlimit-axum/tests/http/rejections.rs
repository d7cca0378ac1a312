use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use fastlimit_axum::{RateLimitLayer, Rejection};

use crate::support::{Calls, Server, header, limiter, policy};

#[tokio::test]
async fn a_response_of_ones_own_keeps_the_limits_headers() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "0/minute; 1/hour"))
        .key(|parts: &Parts| header(parts, "x-api-key").ok_or(StatusCode::UNAUTHORIZED))
        .on_rejection(|parts, rejection| match rejection {
            Rejection::Denied(charged) => {
                let limit = charged.decision().binding().limit();
                let text = format!("{}: slow down, {limit}", parts.uri.path());
                (StatusCode::TOO_MANY_REQUESTS, text).into_response()
            }
            other => (StatusCode::IM_A_TEAPOT, other.to_string()).into_response(),
        });
    let calls = Calls::default();
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

    let denied = server.get_with("x-api-key", "a").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.body, "/: slow down, 0/minute");
    assert_eq!(denied.limit(), Some((0, 0, 40)));
    assert_eq!(denied.header("retry-after"), None);

    let refused = server.get("/").await;
    assert_eq!(refused.status, 418);
    assert_eq!(refused.body, "a hook answered 401 Unauthorized");
    assert_eq!(calls.count(), 0);
}

#[tokio::test]
async fn it_says_when_to_come_back_as_any_denial_does() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "1/minute"))
        .on_rejection(|_, _| StatusCode::TOO_MANY_REQUESTS);
    let route = Calls::default().route().layer(layer);
    let server = Server::start(Router::new().route("/", route)).await;

    assert_eq!(server.get("/").await.header("retry-after"), None);
    let denied = server.get("/").await;
    assert_eq!((denied.status, denied.limit()), (429, Some((1, 0, 40))));
    assert_eq!(denied.header("retry-after"), Some("40"));
}

#[tokio::test]
async fn headers_that_it_sets_itself_stay() {
    let (limiter, _) = limiter();
    let layer =
        RateLimitLayer::new(limiter.clone(), policy("users", "1/minute")).on_rejection(|_, _| {
            let own = [("retry-after", "3600"), ("x-ratelimit-limit", "few")];
            (StatusCode::TOO_MANY_REQUESTS, own)
        });
    let outer = RateLimitLayer::new(limiter, policy("outer", "100/minute"));
    let app = Router::new()
        .route("/", Calls::default().route().layer(layer))
        .layer(outer);
    let server = Server::start(app).await;

    assert_eq!(server.get("/").await.limit(), Some((1, 0, 40)));
    let denied = server.get("/").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), Some("3600"));
    assert_eq!(denied.header("x-ratelimit-limit"), Some("few"));
    assert_eq!(denied.header("x-ratelimit-remaining"), None);
}

#[tokio::test]
async fn preflights_are_limited_unless_the_layer_is_told_otherwise() {
    let (limiter, _) = limiter();
    let layer = |name| RateLimitLayer::new(limiter.clone(), policy(name, "2/minute"));
    let calls = Calls::default();
    let exempt = layer("exempt").exempt_preflights();
    let app = Router::new()
        .route("/", calls.route().layer(layer("users")))
        .route("/exempt", calls.route().layer(exempt));
    let server = Server::start(app).await;
    let preflight = async |path| {
        let request = server
            .request("OPTIONS", path)
            .header("origin", "https://example.org");
        request
            .header("access-control-request-method", "GET")
            .send()
            .await
    };

    assert_eq!(preflight("/").await.remaining(), Some(1));
    assert_eq!(preflight("/").await.remaining(), Some(0));
    assert_eq!(preflight("/").await.status, 429);

    for _ in 0..3 {
        let answer = preflight("/exempt").await;
        assert_eq!((answer.status, answer.limit()), (200, None));
    }
    // An `OPTIONS` that is no preflight is a request like any other.
    let plain = server
        .request("OPTIONS", "/exempt")
        .header("origin", "https://example.org");
    assert_eq!(plain.send().await.remaining(), Some(1));
}
