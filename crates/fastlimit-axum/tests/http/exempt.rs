//! Requests that no limit is for: no store is asked, no header is written.

use axum::Router;
use axum::http::request::Parts;
use axum::routing::get;
use fastlimit_axum::{QuotaRequest, RateLimitLayer, RateLimitStatus};
use fastlimit_core::{Cost, Policy, RateLimiter};

use crate::support::{Asked, Down, Server, header, limiter, policy};

/// A limiter whose store knows nothing, which makes a 503.
fn broken() -> RateLimiter {
    RateLimiter::new(Down(Asked::default()))
}

fn users() -> Policy {
    policy("users", "1/minute")
}

fn is_health_check(parts: &Parts) -> bool {
    parts.uri.path() == "/healthz"
}

/// What of a request that is no health check.
fn unless_health_check<T>(value: T) -> impl Fn(&Parts) -> Option<T> + Clone
where
    T: Clone,
{
    move |parts: &Parts| (!is_health_check(parts)).then(|| value.clone())
}

async fn serve(layer: RateLimitLayer) -> Server {
    let status = |status: RateLimitStatus| async move {
        format!("{} {}", status.charges().len(), status.is_unchecked())
    };
    let app = Router::new()
        .route("/healthz", get(status))
        .route("/", get(status))
        .layer(layer);
    Server::start(app).await
}

#[tokio::test]
async fn every_way_to_exempt_a_request_asks_no_store() {
    let asked = Asked::default();
    let broken = RateLimiter::new(Down(asked.clone()));
    let layer = RateLimitLayer::new(broken.clone(), users());
    let later = |parts: &Parts| {
        let is_exempt = is_health_check(parts);
        async move {
            tokio::task::yield_now().await;
            (!is_exempt).then_some("everybody")
        }
    };
    let layers = [
        layer.clone().skip(is_health_check),
        layer.clone().policy(unless_health_check(users())),
        layer.clone().key(unless_health_check("everybody")),
        layer.clone().key(later),
        layer.clone().tenant(unless_health_check("tenant")),
        layer.clone().cost(unless_health_check(Cost::ONE)),
        layer.cost(|parts: &Parts| {
            if is_health_check(parts) {
                Cost::ZERO
            } else {
                Cost::ONE
            }
        }),
        RateLimitLayer::look_up(
            broken.clone(),
            unless_health_check(QuotaRequest::new(users())),
        ),
        RateLimitLayer::look_up(broken, |parts: &Parts| {
            if is_health_check(parts) {
                QuotaRequest::unlimited()
            } else {
                QuotaRequest::new(users())
            }
        }),
    ];
    for (index, layer) in layers.into_iter().enumerate() {
        let server = serve(layer).await;
        let before = asked.count();
        let answer = server.get("/healthz").await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "0 false"),
            "{index}"
        );
        assert_eq!(answer.limit(), None, "{index}");
        assert_eq!(asked.count(), before, "{index}");
        assert_eq!(server.get("/").await.status, 503, "{index}");
    }
}

#[tokio::test]
async fn a_subject_that_is_not_limited_leaves_the_others() {
    let (limiter, _) = limiter();
    let user = |parts: &Parts| header(parts, "x-user");
    let layer = RateLimitLayer::new(limiter, policy("everybody", "2/minute"))
        .key("all")
        .also(policy("user", "1/minute"), user);
    let server = serve(layer).await;

    let ada = server.get_with("x-user", "ada").await;
    assert_eq!((ada.status, ada.body.as_str()), (200, "2 false"));
    assert_eq!(server.get_with("x-user", "ada").await.status, 429);
    let nobody = server.get("/").await;
    assert_eq!((nobody.status, nobody.body.as_str()), (200, "1 false"));
    assert_eq!(server.get("/").await.status, 429);
}

#[tokio::test]
async fn an_exemption_goes_before_what_a_later_hook_refuses() {
    let api_key =
        |parts: &Parts| header(parts, "x-api-key").ok_or(axum::http::StatusCode::UNAUTHORIZED);
    let at_once = unless_health_check(users());
    let later = |parts: &Parts| {
        let policy = (!is_health_check(parts)).then(users);
        async move {
            tokio::task::yield_now().await;
            policy
        }
    };
    for layer in [
        RateLimitLayer::new(broken(), at_once).key(api_key),
        RateLimitLayer::new(broken(), later).key(api_key),
    ] {
        let server = serve(layer).await;
        assert_eq!(server.get("/healthz").await.status, 200);
        assert_eq!(server.get("/").await.status, 401);
    }
}
