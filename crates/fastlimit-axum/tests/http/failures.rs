use axum::Router;
use fastlimit_axum::{QuotaRequest, RateLimitLayer};
use fastlimit_core::{Policy, RateLimiter};

use crate::support::{Asked, Calls, Down, DownLater, Log, Server, limiter};

#[tokio::test]
async fn a_failing_store_is_503_and_an_event_without_the_key() {
    for limiter in [
        RateLimiter::new(Down(Asked::default())),
        RateLimiter::new(DownLater(Asked::default())),
    ] {
        let (log, _guard) = Log::record();
        let policy = Policy::new("users", "1/minute").unwrap();
        let layer = RateLimitLayer::new(limiter, policy).key("secret-key");
        let calls = Calls::default();
        let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

        for _ in 0..3 {
            let answer = server.get("/").await;
            assert_eq!(answer.status, 503);
            assert_eq!(answer.json()["error"], "rate_limiter_unavailable");
            assert_eq!(answer.limit(), None);
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(!answer.body.contains("switched off"), "{}", answer.body);
        }
        assert_eq!(calls.count(), 0);
        let log = log.text();
        assert!(
            log.contains("WARN") && log.contains("policy=\"users\""),
            "{log}"
        );
        assert!(log.contains("it is switched off"), "{log}");
        assert!(!log.contains("secret-key"), "{log}");
    }
}

#[tokio::test]
async fn a_missing_client_address_is_a_plain_500_and_told_once_with_the_fix() {
    let (log, _guard) = Log::record();
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, Policy::new("users", "1/minute").unwrap());
    let calls = Calls::default();
    let app = Router::new()
        .route("/", calls.route().layer(layer.clone()))
        .route("/keyed", calls.route().layer(layer.key("everybody")));
    let server = Server::start_without_connect_info(app).await;

    for _ in 0..2 {
        let answer = server.get("/").await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.json()["error"], "rate_limiter_misconfigured");
        assert!(!answer.body.contains("connect_info"), "{}", answer.body);
    }
    assert_eq!(calls.count(), 0);
    let log = log.text();
    let fix = "into_make_service_with_connect_info::<SocketAddr>()";
    assert!(log.contains("ERROR") && log.contains(fix), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert_eq!(server.get("/keyed").await.status, 200);
}

#[tokio::test]
async fn a_policy_without_a_name_is_500_and_told_when_the_layer_is_made() {
    let (log, _guard) = Log::record();
    let (limiter, _) = limiter();
    let unnamed: Policy = "1/minute".parse().unwrap();
    let calls = Calls::default();
    let layer = RateLimitLayer::new(limiter, unnamed);
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

    let answer = server.get("/").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"], "rate_limiter_misconfigured");
    assert!(!answer.body.contains("1/minute"), "{}", answer.body);
    assert_eq!(calls.count(), 0);
    assert_eq!(log.text().lines().count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_hook_that_is_never_asked_is_told_when_the_layer_is_made() {
    let (log, _guard) = Log::record();
    let (limiter, _) = limiter();
    let request = QuotaRequest::new(Policy::new("users", "1/minute").unwrap());
    let layer = RateLimitLayer::look_up(limiter, request);
    assert_eq!(log.text(), "");
    let _ = layer.key("everybody");
    let log = log.text();
    assert!(
        log.contains("ERROR") && log.contains("hook=\"key\""),
        "{log}"
    );
}
