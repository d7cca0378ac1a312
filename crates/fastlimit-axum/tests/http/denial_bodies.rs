use axum::Router;
use fastlimit_axum::{DenialBody, RateLimitLayer};
use fastlimit_core::Cost;
use serde_json::{Value, json};

use crate::support::{Answer, Calls, Server, limiter, policy};

async fn denied(layer: impl FnOnce(RateLimitLayer) -> RateLimitLayer) -> Answer {
    let (limiter, _) = limiter();
    let policy = policy(r#"a "b""#, "1/second; 1/minute; 100/hour");
    let layer = layer(RateLimitLayer::new(limiter, policy));
    let route = Calls::default().route().layer(layer);
    let server = Server::start(Router::new().route("/", route)).await;
    server.get("/").await;
    server.get("/").await
}

#[tokio::test]
async fn json_names_the_policy() {
    let denied = denied(|layer| layer.denial_body(DenialBody::Json)).await;
    assert_eq!(denied.json()["policy"], r#"a "b""#);
    assert_eq!(denied.json()["limit"], "1/minute");
}

#[tokio::test]
async fn a_problem_names_each_limit_that_refused() {
    let denied = denied(|layer| layer.denial_body(DenialBody::Problem)).await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), Some("40"));
    assert_eq!(
        denied.header("content-type"),
        Some("application/problem+json")
    );
    let body: Value = serde_json::from_str(&denied.body).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Request cannot be satisfied as assigned quota has been exceeded",
            "status": 429,
            "detail": "rate limit of 1/minute exceeded; retry after 40 s",
            "violated-policies": [r#"a "b"-second"#, r#"a "b"-minute"#],
            "retry-after": 40,
        })
    );
}

#[tokio::test]
async fn a_problem_says_that_waiting_never_helps() {
    let dear = |layer: RateLimitLayer| layer.cost(Cost::requests(2));
    let denied = denied(|layer| dear(layer).denial_body(DenialBody::Problem)).await;
    assert_eq!((denied.status, denied.header("retry-after")), (429, None));
    let body: Value = serde_json::from_str(&denied.body).unwrap();
    assert_eq!(body["retry-after"], Value::Null);
    let detail =
        "rate limit of 1/second exceeded; the request costs more than the limit ever allows";
    assert_eq!(body["detail"], detail);
}
