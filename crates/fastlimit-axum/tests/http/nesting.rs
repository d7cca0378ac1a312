use axum::Router;
use axum::http::request::Parts;
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::{Cost, RateLimiter};

use crate::support::{Calls, Server, header, limiter, policy};

/// A route with one limit inside another.
async fn serve(limiter: &RateLimiter, outer: &str, inner: &str) -> Server {
    let inner = RateLimitLayer::new(limiter.clone(), policy("inner", inner));
    let outer = RateLimitLayer::new(limiter.clone(), policy("outer", outer));
    let route = Calls::default().route().layer(inner);
    Server::start(Router::new().route("/", route).layer(outer)).await
}

#[tokio::test]
async fn the_stricter_limit_shows_wherever_it_stands() {
    for (outer, inner) in [("5/minute", "9/minute"), ("9/minute", "5/minute")] {
        let (limiter, _) = limiter();
        let server = serve(&limiter, outer, inner).await;
        assert_eq!(server.get("/").await.limit(), Some((5, 4, 40)));
        assert_eq!(server.get("/").await.limit(), Some((5, 3, 40)));
    }
}

#[tokio::test]
async fn an_inner_denial_shows_before_an_outer_limit_with_less_remaining() {
    let (limiter, _) = limiter();
    let layer = |name, limits| RateLimitLayer::new(limiter.clone(), policy(name, limits));
    let too_much = layer("inner", "9/hour").cost(Cost::requests(10));
    let app = Router::new()
        .route("/", Calls::default().route().layer(too_much))
        .layer(layer("outer", "3/minute"));
    let server = Server::start(app).await;

    // The outer limit has 3 left; the inner one has 9, and denies for ever.
    let denied = server.get("/").await;
    assert_eq!((denied.status, denied.limit()), (429, Some((9, 9, 2800))));
    assert_eq!(denied.json()["limit"], "9/hour");
    assert_eq!(denied.header("retry-after"), None);
}

#[tokio::test]
async fn what_an_inner_limit_refuses_costs_nothing_outside() {
    fn user(parts: &Parts) -> Option<String> {
        header(parts, "x-user")
    }
    let waiting = |_: &Parts| async {
        tokio::task::yield_now().await;
        "all"
    };
    let (limiter, _) = limiter();
    let outer = |name| RateLimitLayer::new(limiter.clone(), policy(name, "4/hour"));
    let outers = [
        outer("fixed").key("all"),
        outer("address"),
        outer("waiting").key(waiting),
        outer("several")
            .key("all")
            .also(policy("more", "9/hour"), "all"),
        outer("counting")
            .key("all")
            .count_if(|response| response.status() == 200),
    ];
    for (index, outer) in outers.into_iter().enumerate() {
        let per_user = policy(&format!("user-{index}"), "1/hour");
        let inner = RateLimitLayer::new(limiter.clone(), per_user).key(user);
        let calls = Calls::default();
        let app = Router::new()
            .route("/", calls.route())
            .layer(inner)
            .layer(outer);
        let server = Server::start(app).await;
        for _ in 0..20 {
            let _ = server.get_with("x-user", "mallory").await;
        }
        for user in ["ada", "grace", "edsger"] {
            assert_eq!(server.get_with("x-user", user).await.status, 200, "{index}");
        }
        assert_eq!(
            server.get_with("x-user", "alan").await.status,
            429,
            "{index}"
        );
        assert_eq!(calls.count(), 4, "{index}");
    }
}

#[tokio::test]
async fn layers_share_a_counter_only_by_name() {
    let (limiter, _) = limiter();
    let layer = |name| RateLimitLayer::new(limiter.clone(), policy(name, "5/minute"));
    let app = Router::new()
        .route("/a", Calls::default().route().layer(layer("a")))
        .route("/b", Calls::default().route().layer(layer("b")))
        .route("/again", Calls::default().route().layer(layer("a")));
    let server = Server::start(app).await;

    assert_eq!(server.get("/a").await.remaining(), Some(4));
    assert_eq!(server.get("/b").await.remaining(), Some(4));
    assert_eq!(server.get("/again").await.remaining(), Some(3));
}
