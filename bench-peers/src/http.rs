//! ns that a layer adds to a request, in process: `Router::call`, no socket. And what is left of
//! that over one.

mod socket;
#[path = "../../benches/http_load/three_headers.rs"]
mod three_headers;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::routing::get;
use axum_limit::{FixedWindowLimit, FixedWindowPolicy, Key, LimitState, StorageKey};
use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
use governor::middleware::NoOpMiddleware;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::PeerIpKeyExtractor;
use tower_layer::Identity;
use tower_service::Service;

use crate::memory::at_once;
use crate::turns::{Row, Turns};
use crate::{Result, keys, quota, table};

const CLIENTS: [(&str, u32); 2] = [("one client", 1), ("10,000 clients", 10_000)];

/// Measures and prints the section.
///
/// # Errors
///
/// Fails when an application cannot be served over a socket.
pub fn print(turns: Turns) -> Result<()> {
    table::heading(
        "HTTP in process",
        "ns added to a request of axum 0.8, one thread, by the client's address, all allowed; the \
         first row is the whole request without any layer.",
    );
    let columns = CLIENTS.map(|(_, clients)| column(clients, turns));
    table::head(&[&["row"], &CLIENTS.map(|(name, _)| name)[..]].concat());
    for (at, (name, _)) in routers().iter().enumerate() {
        let cells = columns.each_ref().map(|medians| {
            if at == 0 {
                format!("{:.0}", medians[0])
            } else {
                format!("{:+.0}", medians[at] - medians[0])
            }
        });
        table::row(&[*name, &cells[0], &cells[1]]);
    }
    table::end();
    socket::print(over_a_socket(), turns)
}

/// The rows over a socket, where a layer that does nothing can hardly be seen.
fn over_a_socket() -> Vec<(&'static str, Router)> {
    vec![
        ("axum alone", bare()),
        (HEADERS, three_headers::around(bare())),
        ("FastLimit, memory, with headers", fastlimit()),
        ("tower_governor", tower_governor()),
        (
            "tower_governor, with headers",
            tower_governor_with_headers(),
        ),
    ]
}

const HEADERS: &str = "_a layer with the same three headers, always the same, no limit_";

fn column(clients: u32, turns: Turns) -> Vec<f64> {
    let clients: Vec<SocketAddr> = (0..clients)
        .map(|client| (Ipv4Addr::from_bits(0x0a00_0000 + client), 40_000).into())
        .collect();
    let rows: Vec<Row<'_>> = routers()
        .into_iter()
        // As a server does it: so its routes are put together once, and not for each request.
        .map(|(_, router)| time(router.with_state(()), &clients))
        .collect();
    turns.medians(&rows)
}

/// The rows, in the order of the table; the first is bare.
fn routers() -> Vec<(&'static str, Router)> {
    vec![
        ("axum alone", bare()),
        ("_a layer that does nothing_", bare().layer(Identity::new())),
        (HEADERS, three_headers::around(bare())),
        ("FastLimit, memory, with headers", fastlimit()),
        ("tower_governor", tower_governor()),
        (
            "tower_governor, with headers",
            tower_governor_with_headers(),
        ),
        ("axum-limit, fixed window, no headers", axum_limit()),
    ]
}

fn bare() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

fn fastlimit() -> Router {
    let policy = Policy::new("bench", quota::FIXED_WINDOW).expect("a valid policy");
    let limiter = RateLimiter::new(MemoryStore::new());
    bare().layer(RateLimitLayer::new(limiter, policy))
}

fn tower_governor() -> Router {
    let config = governor_config().finish().expect("neither is zero");
    bare().layer(GovernorLayer::new(config))
}

fn tower_governor_with_headers() -> Router {
    let config = governor_config().use_headers().finish();
    bare().layer(GovernorLayer::new(config.expect("neither is zero")))
}

fn governor_config() -> GovernorConfigBuilder<PeerIpKeyExtractor, NoOpMiddleware> {
    let mut config = GovernorConfigBuilder::default();
    config.period(quota::INTERVAL).burst_size(quota::REQUESTS);
    config
}

/// axum-limit is an extractor, and by the address only with a key of one's own.
fn axum_limit() -> Router {
    const REQUESTS: usize = quota::REQUESTS as usize;
    const MILLISECONDS: u64 = quota::PERIOD.as_secs() * 1_000;
    async fn hello(_: FixedWindowLimit<REQUESTS, MILLISECONDS, Client>) -> &'static str {
        "hello"
    }
    Router::new()
        .route("/", get(hello))
        .with_state(LimitState::<Client, FixedWindowPolicy>::default())
}

#[derive(Clone)]
struct Client(IpAddr);

impl Key for Client {
    type Extractor = ConnectInfo<SocketAddr>;

    fn from_extractor(extractor: &Self::Extractor) -> Self {
        Self(extractor.0.ip())
    }
}

impl StorageKey for Client {
    fn storage_key(&self) -> String {
        self.0.to_string()
    }
}

/// The time that so many requests take.
fn time(router: Router, clients: &[SocketAddr]) -> Row<'_> {
    call(&router, clients, clients.len() as u64);
    Box::new(move |requests| {
        let started = Instant::now();
        call(&router, clients, requests);
        started.elapsed()
    })
}

fn call(router: &Router, clients: &[SocketAddr], requests: u64) {
    let mut router = router.clone();
    let mut walk = keys::walk(clients, 0);
    for _ in 0..requests {
        let client = walk.next().expect("a walk has no end");
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ConnectInfo(*client));
        let response = at_once(Service::<Request>::call(&mut router, request));
        let response = response.unwrap_or_else(|never| match never {});
        assert!(black_box(&response).status().is_success(), "denied");
    }
}
