//! What the layer for axum adds to a request, in this process: no socket, one thread, by the
//! client's address on the memory store.
//!
//! ```console
//! cargo bench --bench layer
//! ```
//!
//! Only differences from `bare` of the same run say something. What a socket hides of them,
//! `http_load` tells.

#![allow(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use std::hint::black_box;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::get;
use criterion::{Criterion, criterion_group, criterion_main};
use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
use futures_util::FutureExt;
use tower_service::Service;

fn bare() -> Router {
    Router::new().route("/", get(|| async { "ok" }))
}

fn limit(limiter: &RateLimiter, name: &str, limits: &str) -> RateLimitLayer {
    let policy = Policy::new(name, limits).expect("a valid policy");
    RateLimitLayer::new(limiter.clone(), policy)
}

/// One request of a client that is connected. Nothing here ever waits.
fn ask(app: &mut Router) -> Response {
    let mut request = Request::new(Body::empty());
    let client = SocketAddr::from(([192, 0, 2, 7], 4711));
    request.extensions_mut().insert(ConnectInfo(client));
    app.call(request)
        .now_or_never()
        .expect("an answer at once")
        .expect("an infallible router")
}

fn layer(criterion: &mut Criterion) {
    let limiter = RateLimiter::new(MemoryStore::new());
    let wide = limit(&limiter, "wide", "1_000_000_000/day");
    let narrow = limit(&limiter, "narrow", "900_000_000/day");
    let spent = limit(&limiter, "spent", "0/day");
    let apps = [
        ("bare", bare(), StatusCode::OK),
        ("allowed", bare().layer(wide.clone()), StatusCode::OK),
        ("denied", bare().layer(spent), StatusCode::TOO_MANY_REQUESTS),
        ("nested", bare().layer(narrow).layer(wide), StatusCode::OK),
    ];

    let mut group = criterion.benchmark_group("layer");
    for (name, app, status) in apps {
        // As a server does it: so its routes are put together once, and not for each request.
        let mut app = app.with_state(());
        assert_eq!(ask(&mut app).status(), status, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(ask(&mut app))));
    }
    group.finish();
}

criterion_group!(benches, layer);
criterion_main!(benches);
