//! One request under several subjects: all or nothing.

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::get;
use fastlimit_axum::{Quota, QuotaRequest, RateLimitLayer, RateLimited, Rejection};
use fastlimit_core::RateLimiter;

use crate::support::{Calls, Server, header, limiter, policy};

fn user(parts: &Parts) -> Result<String, StatusCode> {
    header(parts, "x-user").ok_or(StatusCode::UNAUTHORIZED)
}

/// The user's own limit of one, and one of three for everybody.
fn both(parts: &Parts) -> Result<QuotaRequest, StatusCode> {
    let everybody = QuotaRequest::new(policy("everybody", "3/hour")).key("all");
    Ok(QuotaRequest::new(policy("user", "1/hour"))
        .key(user(parts)?)
        .also(everybody))
}

struct Both;

impl<S: Sync> Quota<S> for Both {
    type Rejection = StatusCode;

    async fn request(parts: &mut Parts, _: &S) -> Result<QuotaRequest, StatusCode> {
        both(parts)
    }
}

async fn extracted(limit: RateLimited<Both>) -> (RateLimited<Both>, &'static str) {
    assert_eq!(limit.charges().len(), 2);
    (limit, "ok")
}

async fn assert_all_or_nothing(app: Router) {
    let server = Server::start(app).await;
    let get = async |user| server.get_with("x-user", user).await;

    assert_eq!(get("mallory").await.status, 200);
    for _ in 0..20 {
        let denied = get("mallory").await;
        assert_eq!(denied.status, 429);
        assert_eq!(denied.json()["policy"], "user");
        assert_eq!(denied.json()["limit"], "1/hour");
    }
    // She took one of everybody's three.
    for user in ["ada", "grace"] {
        assert_eq!(get(user).await.status, 200);
    }
    let denied = get("edsger").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.json()["policy"], "everybody");
    assert_eq!(denied.limit(), Some((3, 0, 2_800)));
}

#[tokio::test]
async fn a_client_over_its_own_limit_takes_nothing_from_the_others() {
    let (limiter, _) = limiter();
    let separate = RateLimitLayer::new(limiter.clone(), policy("user", "1/hour"))
        .key(user)
        .also(policy("everybody", "3/hour"), "all");
    assert_all_or_nothing(
        Router::new()
            .route("/", Calls::default().route())
            .layer(separate),
    )
    .await;
}

#[tokio::test]
async fn so_it_is_for_a_look_up() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::look_up(limiter.clone(), both);
    assert_all_or_nothing(
        Router::new()
            .route("/", Calls::default().route())
            .layer(layer),
    )
    .await;
}

#[tokio::test]
async fn so_it_is_for_the_extractor() {
    let (limiter, _) = limiter();
    let app = Router::new().route("/", get(extracted)).with_state(limiter);
    assert_all_or_nothing(app).await;
}

#[tokio::test]
async fn the_rejection_names_who_refused_and_how_all_stand() {
    let (limiter, _): (RateLimiter, _) = limiter();
    let layer =
        RateLimitLayer::look_up(limiter, both).on_rejection(|_, rejection| match rejection {
            Rejection::Denied(denied) => {
                let all = denied.charges().iter().map(|charged| {
                    format!(
                        "{}:{}",
                        charged.policy().name(),
                        charged.decision().remaining()
                    )
                });
                format!(
                    "{} {}",
                    denied.policy().name(),
                    all.collect::<Vec<_>>().join(",")
                )
            }
            other => other.to_string(),
        });
    let server = Server::start(
        Router::new()
            .route("/", Calls::default().route())
            .layer(layer),
    )
    .await;
    let _ = server.get_with("x-user", "ada").await;
    let body = server.get_with("x-user", "ada").await.body;
    assert_eq!(body, "user user:0,everybody:2");
}
