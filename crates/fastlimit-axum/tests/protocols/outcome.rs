//! What a request costs in the end, by its response: charged before, settled after.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use axum::{Router, body::Body};
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::{Cost, Policy, RateLimiter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Calls, Server, limiter, policy};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(20);

/// A layer of three failed logins a minute for one user.
fn failed_logins(limiter: &RateLimiter) -> (RateLimitLayer, Policy) {
    let policy = policy("logins", "3/minute");
    let layer = RateLimitLayer::new(limiter.clone(), &policy)
        .key("ada")
        .count_if(|response: &Response| response.status() == StatusCode::UNAUTHORIZED);
    (layer, policy)
}

/// What is left to the user.
async fn left(limiter: &RateLimiter, policy: &Policy) -> u64 {
    let usage = limiter.request("ada").usage(policy).await;
    usage.unwrap().remaining()
}

/// Lets whoever asks with the password in.
async fn log_in(headers: HeaderMap) -> StatusCode {
    match headers.get("authorization") {
        Some(password) if password == "right" => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    }
}

#[tokio::test]
async fn of_fifty_failed_logins_at_once_three_are_tried() {
    let (limiter, _) = limiter();
    let (layer, _) = failed_logins(&limiter);
    // Who is in the handler or has an answer; and what keeps the handlers from theirs.
    let arrived = Arc::new(Semaphore::new(0));
    let open = Arc::new(Semaphore::new(0));
    let (reached, gate) = (Arc::clone(&arrived), Arc::clone(&open));
    let calls = Calls::default();
    let slow: MethodRouter = calls.route().layer(map_response(move |_: Response| {
        let (reached, gate) = (Arc::clone(&reached), Arc::clone(&gate));
        async move {
            reached.add_permits(1);
            let _ = gate.acquire().await.unwrap();
            StatusCode::UNAUTHORIZED
        }
    }));
    let server = Arc::new(Server::start(Router::new().route("/", slow.layer(layer))).await);

    let mut logins = JoinSet::new();
    for _ in 0..50 {
        let (server, arrived) = (Arc::clone(&server), Arc::clone(&arrived));
        logins.spawn(async move {
            let answer = server.get("/").await;
            arrived.add_permits(1);
            answer.status
        });
    }
    // No handler has answered when the last guess has come.
    let all = timeout(LONG, arrived.acquire_many(50)).await;
    let _ = all.unwrap().unwrap();
    assert_eq!(calls.count(), 3);
    open.add_permits(50);

    let statuses = logins.join_all().await;
    let of = |status| statuses.iter().filter(|&&other| other == status).count();
    assert_eq!((of(401), of(429)), (3, 47));
    assert_eq!(calls.count(), 3);
    assert_eq!(server.get("/").await.status, 429);
}

#[tokio::test]
async fn successful_logins_cost_nothing_in_the_end() {
    let (limiter, _) = limiter();
    let (layer, policy) = failed_logins(&limiter);
    let server = Server::start(Router::new().route("/", get(log_in).layer(layer))).await;

    for _ in 0..20 {
        let answer = server.get_with("authorization", "right").await;
        assert_eq!(answer.status, 200);
        assert_eq!(left(&limiter, &policy).await, 3);
    }
    for remaining in [2, 1, 0] {
        let answer = server.get_with("authorization", "wrong").await;
        assert_eq!((answer.status, answer.remaining()), (401, Some(remaining)));
        assert_eq!(left(&limiter, &policy).await, remaining);
    }
    // Not even the right password helps now.
    let denied = server.get_with("authorization", "right").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), Some("40"));
}

#[allow(clippy::panic, reason = "the test wants it")]
async fn panics() -> StatusCode {
    panic!("as the test wants it");
}

#[tokio::test]
async fn a_handler_that_panics_stays_charged() {
    let (limiter, _) = limiter();
    let (layer, policy) = failed_logins(&limiter);
    let server = Server::start(Router::new().route("/", get(panics).layer(layer))).await;

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    // No answer comes, the connection is gone.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
    assert_eq!(left(&limiter, &policy).await, 2);
}

/// Tells when it is dropped.
struct Dropped(Arc<Semaphore>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

#[tokio::test]
async fn a_handler_that_is_cancelled_stays_charged() {
    let (limiter, _) = limiter();
    let (layer, policy) = failed_logins(&limiter);
    let entered = Arc::new(Semaphore::new(0));
    let dropped = Arc::new(Semaphore::new(0));
    let (enter, drop_mark) = (Arc::clone(&entered), Arc::clone(&dropped));
    let endless = get(move || {
        let mark = Dropped(drop_mark.clone());
        enter.add_permits(1);
        async move {
            let _mark = mark;
            std::future::pending::<StatusCode>().await
        }
    });
    let server = Server::start(Router::new().route("/", endless.layer(layer))).await;

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let _ = timeout(LONG, entered.acquire()).await.unwrap().unwrap();
    drop(stream);
    let _ = timeout(LONG, dropped.acquire()).await.unwrap().unwrap();
    assert_eq!(left(&limiter, &policy).await, 2);
}

#[tokio::test]
async fn what_a_response_says_it_took_is_what_it_costs() {
    let (limiter, _) = limiter();
    let policy = policy("tokens", "10/minute");
    let tokens = |response: &Response| {
        let tokens = response.headers().get("x-tokens");
        let tokens = tokens.and_then(|tokens| tokens.to_str().ok()?.parse().ok());
        Cost::requests(tokens.unwrap_or(0))
    };
    let layer = RateLimitLayer::new(limiter.clone(), &policy)
        .key("ada")
        .cost(Cost::requests(2))
        .cost_after(tokens);
    let answer =
        |Path(tokens): Path<String>| async { ([("x-tokens", tokens)], Body::from("text")) };
    let server = Server::start(Router::new().route("/{tokens}", get(answer).layer(layer))).await;

    for (tokens, remaining) in [("/4", 6), ("/0", 6), ("/none", 6), ("/3", 3)] {
        assert_eq!(server.get(tokens).await.status, 200);
        assert_eq!(left(&limiter, &policy).await, remaining, "{tokens}");
    }
    // Three are left, so it may begin; what it takes is charged even past the limit.
    assert_eq!(server.get("/50").await.status, 200);
    assert_eq!(left(&limiter, &policy).await, 0);
    let denied = server.get("/1").await;
    assert_eq!(
        (denied.status, denied.header("retry-after")),
        (429, Some("40"))
    );
}
