use std::time::Duration;

use axum::Router;
use axum::http::header::HeaderName;
use axum::routing::get;
use fastlimit_axum::{HeaderFamily, Headers, RateLimitLayer};

use crate::support::{Answer, Calls, Server, limiter, policy};

const ALL: [HeaderFamily; 3] = [
    HeaderFamily::XRateLimit,
    HeaderFamily::Draft03,
    HeaderFamily::Draft11,
];

fn shown<const N: usize>(answer: &Answer, names: [&str; N]) -> [String; N] {
    names.map(|name| answer.header(name).unwrap_or("none").to_owned())
}

const X: [&str; 3] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];
const DRAFT_03: [&str; 3] = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
const DRAFT_11: [&str; 2] = ["ratelimit-policy", "ratelimit"];

#[tokio::test]
async fn families_that_are_sent_together_describe_the_same_quota() {
    let (limiter, clock) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "2/second; 3/hour")).headers(ALL);
    let route = Calls::default().route().layer(layer);
    let server = Server::start(Router::new().route("/", route)).await;

    let quota = r#""users-second";q=2;w=1, "users-hour";q=3;w=3600"#;
    for (status, wait, three, items) in [
        (
            200,
            0,
            ["2", "1", "1"],
            r#""users-second";r=1;t=1, "users-hour";r=2;t=2800"#,
        ),
        (
            200,
            0,
            ["2", "0", "1"],
            r#""users-second";r=0;t=1, "users-hour";r=1;t=2800"#,
        ),
        (
            429,
            0,
            ["2", "0", "1"],
            r#""users-second";r=0;t=1, "users-hour";r=1;t=2800"#,
        ),
        (
            200,
            1,
            ["3", "0", "2799"],
            r#""users-second";r=1;t=1, "users-hour";r=0;t=2799"#,
        ),
        (
            429,
            0,
            ["3", "0", "2799"],
            r#""users-second";r=1;t=1, "users-hour";r=0;t=2799"#,
        ),
    ] {
        clock.advance(Duration::from_secs(wait));
        let answer = server.get("/").await;
        assert_eq!(answer.status, status);
        assert_eq!(shown(&answer, X), three);
        assert_eq!(shown(&answer, DRAFT_03), three);
        assert_eq!(shown(&answer, DRAFT_11), [quota, items]);
    }
}

#[tokio::test]
async fn the_epoch_is_that_of_the_stores_clock() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "2/minute"))
        .headers(HeaderFamily::XRateLimitEpoch);
    let route = Calls::default().route().layer(layer);
    let server = Server::start(Router::new().route("/", route)).await;
    for remaining in ["1", "0", "0"] {
        let answer = server.get("/").await;
        assert_eq!(shown(&answer, X), ["2", remaining, "1700000040"]);
    }
}

#[tokio::test]
async fn no_family_shows_nothing_but_when_to_come_back() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "1/minute")).headers(Headers::none());
    let route = Calls::default().route().layer(layer);
    let server = Server::start(Router::new().route("/", route)).await;
    for (status, retry_after) in [(200, None), (429, Some("40"))] {
        let answer = server.get("/").await;
        assert_eq!((answer.status, answer.limit()), (status, None));
        assert_eq!(answer.header("retry-after"), retry_after);
    }
}

#[tokio::test]
async fn a_handlers_own_family_is_left_out_alone() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "5/minute")).headers(ALL);
    let own = || async { [(HeaderName::from_static("ratelimit"), r#""mine";r=7"#)] };
    let server = Server::start(Router::new().route("/", get(own).layer(layer))).await;

    let answer = server.get("/").await;
    assert_eq!(shown(&answer, DRAFT_11), ["none", r#""mine";r=7"#]);
    assert_eq!(shown(&answer, DRAFT_03), ["5", "4", "40"]);
    assert_eq!(shown(&answer, X), ["5", "4", "40"]);
}

#[tokio::test]
async fn of_nested_layers_the_outermost_chooses_the_families() {
    for (limits, strictest) in [
        ("9/minute", ["5", "4", "40"]),
        ("3/minute", ["3", "2", "40"]),
    ] {
        let (limiter, _) = limiter();
        let inner = RateLimitLayer::new(limiter.clone(), policy("inner", "5/minute"))
            .headers(HeaderFamily::Draft11);
        let outer = RateLimitLayer::new(limiter, policy("outer", limits));
        let route = Calls::default().route().layer(inner);
        let server = Server::start(Router::new().route("/", route).layer(outer)).await;

        let answer = server.get("/").await;
        assert_eq!(shown(&answer, X), strictest);
        assert_eq!(shown(&answer, DRAFT_11), ["none", "none"]);
    }
}

#[tokio::test]
async fn a_family_that_lists_limits_lists_those_of_nested_layers() {
    let (limiter, _) = limiter();
    let inner = RateLimitLayer::new(limiter.clone(), policy("inner", "5/minute"));
    let outer = RateLimitLayer::new(limiter, policy("outer", "9/minute"));
    let route = Calls::default().route().layer(inner);
    let outer = outer.headers(HeaderFamily::Draft11);
    let server = Server::start(Router::new().route("/", route).layer(outer)).await;

    let answer = server.get("/").await;
    let policies = r#""inner";q=5;w=60, "outer";q=9;w=60"#;
    let limits = r#""inner";r=4;t=40, "outer";r=8;t=40"#;
    assert_eq!(shown(&answer, DRAFT_11), [policies, limits]);
    assert_eq!(shown(&answer, X), ["none", "none", "none"]);
}

#[tokio::test]
async fn a_handlers_own_fields_stay_under_nested_layers() {
    let (limiter, _) = limiter();
    let layer = |name, limits| RateLimitLayer::new(limiter.clone(), policy(name, limits));
    let own = || async { [(HeaderName::from_static("ratelimit-limit"), "upstream")] };
    let app = Router::new()
        .route("/", get(own))
        .layer(layer("inner", "5/minute"))
        .layer(layer("outer", "9/minute"));
    let answer = Server::start(app).await.get("/").await;
    assert_eq!(answer.header("ratelimit-limit"), Some("upstream"));
    assert_eq!(shown(&answer, X), ["5", "4", "40"]);
}
