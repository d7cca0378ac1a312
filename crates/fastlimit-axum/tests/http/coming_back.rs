//! `Retry-After` is true to the second.

use std::time::Duration;

use axum::Router;
use axum::http::request::Parts;
use fastlimit_axum::{HeaderFamily, RateLimitLayer};
use fastlimit_core::{Algorithm, Cost};

use crate::support::{Calls, Server, header, limiter, policy};

fn cost(parts: &Parts) -> Cost {
    let milli = header(parts, "x-milli").and_then(|milli| milli.parse().ok());
    Cost::milli(milli.unwrap_or(1_000))
}

#[tokio::test]
async fn who_waits_is_served_and_who_comes_a_second_earlier_is_not() {
    for algorithm in Algorithm::ALL {
        for limits in ["1/second", "3/minute", "5/7s"] {
            let (limiter, clock) = limiter();
            let policy = policy("users", &format!("{limits} {algorithm}"));
            let layer = RateLimitLayer::new(limiter, policy)
                .headers([HeaderFamily::XRateLimit, HeaderFamily::Draft11])
                .cost(cost);
            let route = Calls::default().route().layer(layer);
            let server = Server::start(Router::new().route("/", route)).await;

            let mut denials = 0;
            for step in 0..60_u64 {
                clock.advance(Duration::from_millis(step * 1_361 % 800));
                let milli = (1 + step * 277 % 1_000).to_string();
                let denied = server.get_with("x-milli", &milli).await;
                if denied.status == 200 {
                    continue;
                }
                denials += 1;
                let wait = denied.header("retry-after").unwrap();
                let seconds: u64 = wait.parse().unwrap();
                assert_eq!(denied.header("x-ratelimit-reset"), Some(wait));

                clock.advance(Duration::from_secs(seconds - 1));
                let early = server.get_with("x-milli", &milli).await;
                assert_eq!(early.status, 429, "{limits} {algorithm}, of {seconds} s");
                assert_eq!(early.header("retry-after"), Some("1"));
                clock.advance(Duration::from_secs(1));
                let served = server.get_with("x-milli", &milli).await;
                assert_eq!(
                    served.status, 200,
                    "{limits} {algorithm}, after {seconds} s"
                );
            }
            assert!(denials > 0, "{limits} {algorithm} denied nothing");
        }
    }
}

#[tokio::test]
async fn jitter_makes_nobody_come_too_early() {
    let (limiter, clock) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "1/minute"))
        .retry_jitter(Duration::from_secs(5));
    let route = Calls::default().route().layer(layer);
    let server = Server::start(Router::new().route("/", route)).await;
    assert_eq!(server.get("/").await.status, 200);

    let mut waits = Vec::new();
    for _ in 0..50 {
        let denied = server.get("/").await;
        let wait: u64 = denied.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(denied.json()["retry_after"], wait);
        assert_eq!(denied.limit(), Some((1, 0, 40)));
        waits.push(wait);
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(
        waits.len() > 1 && waits.iter().all(|wait| (40..=45).contains(wait)),
        "{waits:?}"
    );
    clock.advance(Duration::from_secs(40));
    assert_eq!(server.get("/").await.status, 200);
}
