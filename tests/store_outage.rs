//! A service whose Redis is killed, or hangs.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::request::Parts;
use axum::routing::any;
use fastlimit::{Cost, OnStoreError, Policy, RateLimitLayer, RateLimiter, RedisStore};
use fastlimit_test_redis::{ExclusiveRedis, TestRedis};
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::subscriber::DefaultGuard;

/// A service with one layer around all its paths, on a Redis of its own.
struct Service {
    redis: ExclusiveRedis,
    address: SocketAddr,
    calls: Arc<AtomicU64>,
}

struct Answer {
    status: u16,
    /// Whether it shows a limit.
    limited: bool,
}

impl Service {
    async fn start(layer: impl FnOnce(RateLimiter, Policy) -> RateLimitLayer) -> Self {
        let redis = TestRedis::start().unwrap();
        let store = RedisStore::builder(redis.url())
            .connect_timeout(Duration::from_millis(200))
            .timeout(Duration::from_millis(200))
            .connect()
            .await
            .unwrap();
        let policy = Policy::new("all", "1_000_000/hour").unwrap();
        let layer = layer(RateLimiter::new(store), policy);

        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let handler = any(move || async move {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let app = Router::new().fallback(handler).layer(layer);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async { axum::serve(listener, app).await });
        Self {
            redis,
            address,
            calls,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        Answer {
            status: answer.split(' ').nth(1).unwrap().parse().unwrap(),
            limited: answer.contains("\r\nx-ratelimit-limit: "),
        }
    }

    /// How often the handler ran.
    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

/// What an outage does to the server.
type Outage = fn(&ExclusiveRedis) -> Result<(), fastlimit_test_redis::Error>;

const KILLED: Outage = ExclusiveRedis::stop;
const HUNG: Outage = ExclusiveRedis::pause;

/// Counts the lines of this thread's log.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU64>);

impl Lines {
    /// Counts until the guard is dropped.
    fn record() -> (Self, DefaultGuard) {
        // Without a subscriber of all threads, one that has none may settle for all that nobody
        // wants an event.
        static EVERY_THREAD: Once = Once::new();
        EVERY_THREAD.call_once(|| tracing_subscriber::fmt().with_writer(io::sink).init());
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = bytes.split(|byte| *byte == b'\n').skip(1).count();
        self.0
            .fetch_add(lines.try_into().unwrap(), Ordering::SeqCst);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_costs_nothing_is_served_without_redis() {
    for outage in [KILLED, HUNG] {
        let service = Service::start(|limiter, policy| {
            RateLimitLayer::new(limiter, policy).cost(|parts: &Parts| match parts.uri.path() {
                "/healthz" => Cost::ZERO,
                _ => Cost::ONE,
            })
        })
        .await;
        assert_eq!(service.get("/healthz").await.status, 200);
        assert!(service.get("/").await.limited);
        outage(&service.redis).unwrap();
        let healthy = service.get("/healthz").await;
        assert_eq!((healthy.status, healthy.limited), (200, false));
        assert_eq!(service.get("/").await.status, 503);
        assert_eq!(service.calls(), 3);
    }
}

// One thread runs client and server, so that the thread's log is the whole log.
#[tokio::test]
async fn a_layer_that_fails_open_serves_a_thousand_requests_and_logs_a_few_lines() {
    for outage in [KILLED, HUNG] {
        let (lines, _guard) = Lines::record();
        let service = Service::start(|limiter, policy| {
            RateLimitLayer::new(limiter, policy).on_store_error(OnStoreError::Allow)
        })
        .await;
        assert!(service.get("/").await.limited);
        assert_eq!(lines.count(), 0);

        outage(&service.redis).unwrap();
        let requests = stream::iter(0..1_000).map(|_| service.get("/"));
        let mut answers = requests.buffer_unordered(250);
        while let Some(answer) = answers.next().await {
            assert_eq!((answer.status, answer.limited), (200, false));
        }
        assert_eq!(service.calls(), 1_001);
        assert!((1..=5).contains(&lines.count()), "{}", lines.count());

        // It limits again as soon as Redis is back.
        service.redis.restart().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !service.get("/").await.limited {
            assert!(Instant::now() < deadline, "Redis is back, the limit is not");
        }
    }
}
