use std::sync::Arc;

use axum::Router;
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::store::{AsyncStore, Request, async_trait};
use fastlimit_core::{Decision, ManualClock, RateLimiter, Store, StoreError};
use fastlimit_memory::MemoryStore;
use tokio::task::JoinSet;

use crate::support::{Answer, Calls, START, Server, limiter, policy};

/// A store that does not answer at once, as one behind a network.
struct Distant(MemoryStore);

#[async_trait]
impl AsyncStore for Distant {
    async fn apply(&self, request: Request<'_>) -> Result<Decision, StoreError> {
        tokio::task::yield_now().await;
        let outcome = Store::apply(&self.0, &request).await;
        tokio::task::yield_now().await;
        outcome
    }
}

async fn exactly_50_of_200_pass(limiter: RateLimiter) {
    let calls = Calls::default();
    let layer = RateLimitLayer::new(limiter, policy("users", "50/minute"));
    let app = Router::new().route("/", calls.route().layer(layer));
    let server = Arc::new(Server::start(app).await);

    let mut requests = JoinSet::new();
    for _ in 0..200 {
        let server = Arc::clone(&server);
        requests.spawn(async move { server.get("/").await });
    }
    let answers = requests.join_all().await;

    let of = |status| answers.iter().filter(move |answer| answer.status == status);
    assert_eq!((of(200).count(), of(429).count()), (50, 150));
    assert_eq!(calls.count(), 50);
    let mut remaining: Vec<_> = of(200).filter_map(Answer::remaining).collect();
    remaining.sort_unstable();
    assert!(remaining.into_iter().eq(0..50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_200_at_once_exactly_50_pass() {
    exactly_50_of_200_pass(limiter().0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_200_at_once_exactly_50_pass_on_a_store_that_takes_its_time() {
    let clock = ManualClock::new(START);
    let store = MemoryStore::builder().clock(clock).build();
    exactly_50_of_200_pass(RateLimiter::new(Distant(store))).await;
}
