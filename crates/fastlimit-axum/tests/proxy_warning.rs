//! A proxy that nobody told the limit of is told in the log, once in a process: so this test has
//! one of its own.

#![allow(
    clippy::unwrap_used,
    reason = "what goes wrong in a test fails the test"
)]

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use fastlimit_axum::{ClientIp, RateLimitLayer, TrustedProxies};
use fastlimit_core::{Policy, RateLimiter};
use fastlimit_memory::MemoryStore;
use tower::ServiceExt;

#[path = "http/support/log.rs"]
mod log;

use log::Log;

/// More requests than the one in so many that is looked at.
async fn send_many(layer: &RateLimitLayer, peer: &str, header: Option<&str>) {
    let route = get(|| async {}).layer(layer.clone());
    let app: Router = Router::new().route("/", route);
    let peer = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 4711);
    for _ in 0..600 {
        let request = match header {
            Some(header) => Request::builder().header(header, "203.0.113.9"),
            None => Request::builder(),
        };
        let request = request.extension(ConnectInfo(peer));
        let request = request.body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_told_once() {
    let (log, _guard) = Log::record();
    let limiter = RateLimiter::new(MemoryStore::new());
    let policy = Policy::new("users", "100_000/minute").unwrap();
    let layer = RateLimitLayer::new(limiter, policy);

    // Nobody seems to stand in front.
    send_many(&layer, "198.51.100.7", Some("x-forwarded-for")).await;
    send_many(&layer, "10.0.0.1", None).await;
    send_many(&layer, "10.0.0.1", Some("x-request-id")).await;
    // Somebody does, and is trusted.
    let trusting = layer
        .clone()
        .key(ClientIp::behind(TrustedProxies::private()));
    send_many(&trusting, "10.0.0.1", Some("x-forwarded-for")).await;
    assert_eq!(log.text(), "");

    // Somebody does, whom the layer was not told of.
    for header in ["cf-connecting-ip", "x-forwarded-for"] {
        send_many(&layer, "10.0.0.1", Some(header)).await;
        send_many(&layer, "::1", Some(header)).await;
    }
    let log = log.text();
    assert_eq!(log.lines().count(), 1, "{log}");
    for part in [
        "WARN",
        "peer=10.0.0.1",
        "header=\"cf-connecting-ip\"",
        "share one counter",
        "ClientIp::behind(TrustedProxies::private())",
    ] {
        assert!(log.contains(part), "{part} in {log}");
    }
}
