//! Which requests a layer limits, by where it stands.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::routing::get;
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::RateLimiter;
use tower::service_fn;

use crate::support::{Answer, Server, limiter, policy};

fn layer(limiter: &RateLimiter) -> RateLimitLayer {
    RateLimitLayer::new(limiter.clone(), policy("all", "3/minute"))
}

/// A router of one route, `/`, for `GET` and so for `HEAD`.
fn pages() -> Router {
    Router::new().route("/", get(|| async { "page" }))
}

/// The status, and what remains where the answer shows it.
fn seen(answer: &Answer) -> (u16, Option<u64>) {
    (answer.status, answer.remaining())
}

#[tokio::test]
async fn a_head_request_is_charged_and_shows_what_get_shows_without_a_body() {
    let (limiter, _) = limiter();
    let server = Server::start(pages().layer(layer(&limiter))).await;

    assert_eq!(seen(&server.get("/").await), (200, Some(2)));
    for (status, remaining) in [(200, 1), (200, 0), (429, 0)] {
        let answer = server.request("HEAD", "/").send().await;
        assert_eq!(seen(&answer), (status, Some(remaining)));
        assert_eq!(answer.body, "");
        let wait = (status == 429).then_some("40");
        assert_eq!(answer.header("retry-after"), wait);
    }
}

#[tokio::test]
async fn around_a_router_also_what_no_route_answers_is_limited() {
    let (limiter, _) = limiter();
    let server = Server::start(pages().layer(layer(&limiter))).await;

    assert_eq!(seen(&server.get("/nothing").await), (404, Some(2)));
    let wrong_method = server.request("POST", "/").send().await;
    assert_eq!(seen(&wrong_method), (405, Some(1)));
    assert_eq!(wrong_method.header("allow"), Some("GET,HEAD"));
    assert_eq!(seen(&server.get("/").await), (200, Some(0)));
    for (method, path) in [("GET", "/"), ("GET", "/nothing"), ("POST", "/")] {
        let denied = server.request(method, path).send().await;
        assert_eq!(seen(&denied), (429, Some(0)), "{method} {path}");
    }
}

#[tokio::test]
async fn around_routes_a_404_is_not_limited_and_a_405_is() {
    let (limiter, _) = limiter();
    let server = Server::start(pages().route_layer(layer(&limiter))).await;

    for _ in 0..5 {
        assert_eq!(seen(&server.get("/nothing").await), (404, None));
    }
    let wrong_method = server.request("POST", "/").send().await;
    assert_eq!(seen(&wrong_method), (405, Some(2)));
}

#[tokio::test]
async fn around_a_method_router_a_405_is_limited_and_around_its_handlers_it_is_not() {
    let (limiter, _) = limiter();
    let page = || get(|| async { "page" });
    let app = Router::new()
        .route("/all", page().layer(layer(&limiter)))
        .route("/handlers", page().route_layer(layer(&limiter)));
    let server = Server::start(app).await;

    let around_all = server.request("POST", "/all").send().await;
    assert_eq!(seen(&around_all), (405, Some(2)));
    let around_handlers = server.request("POST", "/handlers").send().await;
    assert_eq!(seen(&around_handlers), (405, None));
    assert_eq!(seen(&server.get("/handlers").await), (200, Some(1)));
}

#[tokio::test]
async fn a_fallback_is_limited_around_a_router_and_not_around_routes() {
    let fallback = service_fn(|_: Request| async { Ok::<_, Infallible>("fallback") });
    let app = pages().fallback_service(fallback);
    let (limiter, _) = limiter();
    let around_router = Server::start(app.clone().layer(layer(&limiter))).await;
    let around_routes = Server::start(app.route_layer(layer(&limiter))).await;

    assert_eq!(seen(&around_router.get("/other").await), (200, Some(2)));
    assert_eq!(seen(&around_routes.get("/other").await), (200, None));
    assert_eq!(seen(&around_routes.get("/").await), (200, Some(1)));
}

#[tokio::test]
async fn a_route_that_comes_after_the_layer_is_not_limited() {
    let (limiter, _) = limiter();
    let app = pages().layer(layer(&limiter));
    let server = Server::start(app.route("/late", get(|| async { "late" }))).await;

    assert_eq!(seen(&server.get("/late").await), (200, None));
    assert_eq!(seen(&server.get("/").await), (200, Some(2)));
}

#[tokio::test]
async fn inside_a_nested_router_its_404s_are_not_limited_unless_it_has_a_fallback() {
    let (limiter, _) = limiter();
    let with_fallback = pages().fallback(|| async { "fallback" });
    let app = Router::new()
        .nest("/plain", pages().layer(layer(&limiter)))
        .nest("/fallback", with_fallback.layer(layer(&limiter)));
    let server = Server::start(app).await;

    assert_eq!(seen(&server.get("/plain").await), (200, Some(2)));
    assert_eq!(seen(&server.get("/plain/nothing").await), (404, None));
    assert_eq!(seen(&server.get("/nothing").await), (404, None));
    assert_eq!(seen(&server.get("/fallback/nothing").await), (200, Some(1)));
}

#[tokio::test]
async fn around_a_router_with_a_nested_one_all_is_limited() {
    let (limiter, _) = limiter();
    let app = Router::new().nest("/v1", pages()).layer(layer(&limiter));
    let server = Server::start(app).await;

    assert_eq!(seen(&server.get("/v1").await), (200, Some(2)));
    assert_eq!(seen(&server.get("/v1/nothing").await), (404, Some(1)));
    assert_eq!(seen(&server.get("/nothing").await), (404, Some(0)));
    assert_eq!(seen(&server.get("/v1").await), (429, Some(0)));
}

#[tokio::test]
async fn hooks_of_a_nested_router_see_the_path_without_its_prefix() {
    let (limiter, _) = limiter();
    let by_path = layer(&limiter).key(|parts: &Parts| parts.uri.path().to_owned());
    let page = Router::new().route("/page", get(|| async { "page" }));
    let app = Router::new()
        .nest("/v1", page.clone().layer(by_path.clone()))
        .nest("/v2", page.clone().layer(by_path.clone()))
        .merge(page.layer(by_path));
    let server = Server::start(app).await;

    // All three have the key `/page`.
    assert_eq!(seen(&server.get("/v1/page").await), (200, Some(2)));
    assert_eq!(seen(&server.get("/v2/page").await), (200, Some(1)));
    assert_eq!(seen(&server.get("/page").await), (200, Some(0)));
}
