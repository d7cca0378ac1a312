//! The example service over real sockets, on both stores.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

#[path = "../examples/axum_app/admin.rs"]
mod admin;
#[path = "../examples/axum_app/api.rs"]
mod api;
#[path = "../examples/axum_app/policies.rs"]
mod policies;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use fastlimit::{ManualClock, MemoryStore, RateLimiter, RedisStore, Timestamp};
use fastlimit_test_redis::{TestRedis, unique_prefix};
use policies::Policies;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Both listeners of the service.
struct App {
    api: SocketAddr,
    admin: SocketAddr,
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl App {
    async fn serve(limiter: RateLimiter) -> Self {
        let policies = Policies::new().unwrap();
        Self {
            api: listen(api::router(limiter.clone(), policies.clone())).await,
            admin: listen(admin::router(limiter, policies)).await,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        request(self.api, "GET", path, "").await
    }

    async fn get_as(&self, path: &str, api_key: &str) -> Answer {
        request(self.api, "GET", path, &format!("X-API-Key: {api_key}\r\n")).await
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<u64> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().parse().unwrap())
    }
}

async fn listen(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

async fn request(to: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}

/// What README's loop shows, and every other route.
async fn behaves(app: &App, clock: &ManualClock) {
    for remaining in (0..5).rev() {
        let answer = app.get("/api/search").await;
        assert_eq!(
            (answer.status, answer.header("x-ratelimit-limit")),
            (200, Some(5))
        );
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining));
        assert_eq!(answer.header("x-ratelimit-reset"), Some(20));
    }
    let denied = app.get("/api/search").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), Some(20));
    assert_eq!(denied.header("x-ratelimit-remaining"), Some(0));
    assert_eq!(denied.body["retry_after"], 20);
    assert_eq!(denied.body["limit"], "5/30s");
    // The wait that was told is true.
    clock.advance(Duration::from_secs(19));
    assert_eq!(app.get("/api/search").await.status, 429);
    clock.advance(Duration::from_secs(1));
    assert_eq!(app.get("/api/search").await.status, 200);

    assert_eq!(
        app.get("/api/users").await.header("x-ratelimit-remaining"),
        Some(99)
    );
    let user = app.get("/api/user/42").await;
    assert_eq!(user.header("x-ratelimit-limit"), Some(1_000));
    let other = app.get("/api/user/43").await;
    assert_eq!(other.header("x-ratelimit-remaining"), Some(999));

    assert_eq!(app.get("/api/data").await.status, 401);
    assert_eq!(app.get_as("/api/data", "stolen-key").await.status, 401);
    for (key, limit) in [
        ("free-key", 10),
        ("premium-key", 100),
        ("enterprise-key", 1_000),
    ] {
        for used in 1..=3 {
            let answer = app.get_as("/api/data", key).await;
            assert_eq!(answer.header("x-ratelimit-limit"), Some(limit));
            assert_eq!(answer.header("x-ratelimit-remaining"), Some(limit - used));
        }
    }

    let expensive = |headers| request(app.api, "POST", "/api/expensive", headers);
    assert_eq!(
        expensive("").await.header("x-ratelimit-remaining"),
        Some(99)
    );
    let premium = expensive("X-Premium: yes\r\n").await;
    assert_eq!(premium.header("x-ratelimit-remaining"), Some(89));

    let subject = "policy=free&tenant=free&key=free-key";
    let usage = || {
        request(
            app.admin,
            "GET",
            "/usage?policy=free&tenant=free&key=free-key",
            "",
        )
    };
    assert_eq!(usage().await.body["limits"][0]["remaining"], 7);
    let reset = request(app.admin, "POST", &format!("/reset?{subject}"), "").await;
    assert_eq!(reset.status, 200);
    assert_eq!(usage().await.body["limits"][0]["remaining"], 10);
    let unknown = request(app.admin, "GET", "/usage?policy=nope&key=x", "").await;
    assert_eq!(unknown.status, 404);
    let health = request(app.admin, "GET", "/health", "").await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (200, &Value::from("ok"))
    );
}

/// Ten seconds into a window of thirty.
fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_millis(
        1_700_000_010_000 / 30_000 * 30_000 + 10_000,
    ))
}

#[tokio::test]
async fn works_on_memory() {
    let clock = clock();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    behaves(&App::serve(RateLimiter::new(store)).await, &clock).await;
}

#[tokio::test]
async fn works_on_redis() {
    let redis = TestRedis::shared().unwrap();
    let clock = clock();
    let store = RedisStore::builder(redis.url()).clock(clock.clone());
    let store = store.connect().await.unwrap();
    let limiter = RateLimiter::builder(store).prefix(unique_prefix()).build();
    behaves(&App::serve(limiter).await, &clock).await;
}

#[tokio::test]
async fn says_503_while_redis_is_down_and_works_when_it_is_back() {
    let redis = TestRedis::start().unwrap();
    let store = RedisStore::connect(redis.url()).await.unwrap();
    let app = App::serve(RateLimiter::new(store)).await;
    assert_eq!(app.get("/api/users").await.status, 200);
    redis.stop().unwrap();
    assert_eq!(app.get("/api/users").await.status, 503);
    assert_eq!(request(app.admin, "GET", "/health", "").await.status, 503);
    redis.restart().unwrap();
    // The store tries at least twice a second.
    let began = Instant::now();
    loop {
        let answer = app.get("/api/users").await;
        if answer.status == 200 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{}", answer.body);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
