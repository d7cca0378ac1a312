use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::store::{AsyncStore, Reply, Request, async_trait};
use fastlimit_core::{Decision, Policy, RateLimiter, Store, StoreError, StoreErrorKind};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Calls, Server, limiter};

struct Down;

impl Store for Down {
    fn apply(&self, _: &Request<'_>) -> Reply<'_> {
        Reply::ready(Err(error()))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

struct DownLater;

#[async_trait]
impl AsyncStore for DownLater {
    async fn apply(&self, _: Request<'_>) -> Result<Decision, StoreError> {
        tokio::task::yield_now().await;
        Err(error())
    }
}

fn error() -> StoreError {
    StoreError::new(StoreErrorKind::NotSent, "127.0.0.1:6379 cannot be reached")
}

/// Collects the log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn record() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn a_failing_store_is_503_and_an_event_without_the_key() {
    for limiter in [RateLimiter::new(Down), RateLimiter::new(DownLater)] {
        let (log, _guard) = record();
        let policy = Policy::new("users", "1/minute").unwrap();
        let layer = RateLimitLayer::new(limiter, policy).key("secret-key");
        let calls = Calls::default();
        let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

        for _ in 0..3 {
            let answer = server.get("/").await;
            assert_eq!(answer.status, 503);
            assert_eq!(answer.json()["error"], "rate_limiter_unavailable");
            assert_eq!((answer.limit(), answer.header("retry-after")), (None, None));
            assert!(!answer.body.contains("6379"), "{}", answer.body);
        }
        assert_eq!(calls.count(), 0);
        let log = log.text();
        assert!(
            log.contains("WARN") && log.contains("policy=\"users\""),
            "{log}"
        );
        assert!(log.contains("127.0.0.1:6379 cannot be reached"), "{log}");
        assert!(!log.contains("secret-key"), "{log}");
    }
}

#[tokio::test]
async fn a_missing_client_address_is_500_that_names_the_fix() {
    let (log, _guard) = record();
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, Policy::new("users", "1/minute").unwrap());
    let calls = Calls::default();
    let app = Router::new()
        .route("/", calls.route().layer(layer.clone()))
        .route("/keyed", calls.route().layer(layer.key("everybody")));
    let server = Server::start_without_connect_info(app).await;

    for _ in 0..2 {
        let answer = server.get("/").await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.json()["error"], "rate_limiter_misconfigured");
        assert!(
            answer
                .body
                .contains("into_make_service_with_connect_info::<SocketAddr>()"),
            "{}",
            answer.body
        );
    }
    assert_eq!(calls.count(), 0);
    assert!(log.text().contains("ERROR"), "{}", log.text());
    assert_eq!(server.get("/keyed").await.status, 200);
}

#[tokio::test]
async fn a_policy_without_a_name_is_500() {
    let (log, _guard) = record();
    let (limiter, _) = limiter();
    let unnamed: Policy = "1/minute".parse().unwrap();
    let calls = Calls::default();
    let layer = RateLimitLayer::new(limiter, unnamed);
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

    let answer = server.get("/").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"], "rate_limiter_misconfigured");
    assert!(
        answer.body.contains("`1/minute` has no name"),
        "{}",
        answer.body
    );
    assert_eq!(calls.count(), 0);
    assert!(log.text().contains("ERROR"), "{}", log.text());
}
