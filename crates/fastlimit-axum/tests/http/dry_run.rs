//! Limits that are tried out: they decide and refuse nothing.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use fastlimit_axum::{HeaderFamily, RateLimitLayer, RateLimitStatus};
use fastlimit_core::RateLimiter;

use crate::support::{Asked, Down, Log, Server, limiter, policy};

async fn serve(layer: RateLimitLayer) -> Server {
    let status = |status: RateLimitStatus| async move {
        let rehearsed = status.rehearsed().len();
        format!(
            "{} {rehearsed} {}",
            status.charges().len(),
            status.would_be_denied()
        )
    };
    Server::start(Router::new().route("/", get(status)).layer(layer)).await
}

#[tokio::test]
async fn a_dry_run_refuses_nothing_and_says_what_it_would_do() {
    let (log, _guard) = Log::record();
    let (limiter, _) = limiter();
    let decisions = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&decisions);
    let layer = RateLimitLayer::new(limiter, policy("users", "1/minute"))
        .dry_run()
        .on_decision(move |charged| {
            let decision = (
                charged.policy().name().to_owned(),
                charged.decision().is_allowed(),
            );
            recorded.lock().unwrap().push(decision);
        });
    let server = serve(layer).await;

    for expected in ["0 1 false", "0 1 true", "0 1 true"] {
        let answer = server.get("/").await;
        assert_eq!((answer.status, answer.limit()), (200, None));
        assert_eq!(answer.body, expected);
    }
    let users = |allowed| ("users".to_owned(), allowed);
    assert_eq!(
        *decisions.lock().unwrap(),
        [users(true), users(false), users(false)]
    );
    // Each is an event of the level `DEBUG`, which a service does not log.
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn it_shows_its_limit_where_it_is_told_to() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "1/minute"))
        .dry_run()
        .headers(HeaderFamily::XRateLimit);
    let server = serve(layer).await;
    for _ in 0..2 {
        let answer = server.get("/").await;
        assert_eq!((answer.status, answer.limit()), (200, Some((1, 0, 40))));
        assert_eq!(answer.header("retry-after"), None);
    }
}

#[tokio::test]
async fn it_refuses_nothing_either_when_the_store_fails_or_the_address_is_missing() {
    let layer = |limiter| RateLimitLayer::new(limiter, policy("users", "1/minute")).dry_run();
    let server = serve(layer(RateLimiter::new(Down(Asked::default())))).await;
    assert_eq!(server.get("/").await.status, 200);

    let app = Router::new()
        .route("/", get("ok"))
        .layer(layer(limiter().0));
    let server = Server::start_without_connect_info(app).await;
    assert_eq!(server.get("/").await.status, 200);
}

#[tokio::test]
async fn what_it_would_refuse_shows_nowhere_else() {
    let (limiter, _) = limiter();
    let layer = |name, limits| RateLimitLayer::new(limiter.clone(), policy(name, limits));
    let app = Router::new()
        .route("/", get("ok"))
        .layer(layer("inner", "50/minute"))
        .layer(layer("tried", "1/minute").dry_run())
        .layer(layer("outer", "100/minute"));
    let server = Server::start(app).await;
    for remaining in [49, 48, 47] {
        let answer = server.get("/").await;
        assert_eq!(
            (answer.status, answer.limit()),
            (200, Some((50, remaining, 40)))
        );
    }
}
