//! WebSockets: a limit on connecting, and one on messages.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use fastlimit_axum::RateLimitLayer;
use fastlimit_core::{Policy, RateLimiter};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, handshake::client};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{Server, limiter, policy};

type Socket = WebSocketStream<TcpStream>;

async fn connect(server: &Server) -> Result<(Socket, client::Response), tungstenite::Error> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    client_async(format!("ws://{}/", server.address()), stream).await
}

/// Sends a text and returns the answer.
async fn say(socket: &mut Socket, text: &str) -> String {
    socket.send(text.into()).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    answer.into_text().unwrap().to_string()
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

#[tokio::test]
async fn an_upgrade_is_one_request_and_its_101_shows_the_limit() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("sockets", "3/minute"));
    let server = Server::start(Router::new().route("/", get(echo).layer(layer))).await;

    for remaining in ["2", "1", "0"] {
        let (mut socket, response) = connect(&server).await.unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["x-ratelimit-limit"], "3");
        assert_eq!(response.headers()["x-ratelimit-remaining"], remaining);
        for text in ["as", "many", "as", "it", "likes"] {
            assert_eq!(say(&mut socket, text).await, text);
        }
    }
}

#[tokio::test]
async fn a_denied_upgrade_is_a_429_that_the_client_sees() {
    let (limiter, clock) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("sockets", "1/minute"));
    let server = Server::start(Router::new().route("/", get(echo).layer(layer))).await;

    let (mut open, _) = connect(&server).await.unwrap();
    let Err(tungstenite::Error::Http(denied)) = connect(&server).await else {
        panic!("a second socket was opened");
    };
    assert_eq!(denied.status(), 429);
    assert_eq!(denied.headers()["retry-after"], "40");
    assert_eq!(denied.headers()["x-ratelimit-remaining"], "0");
    assert_eq!(denied.headers().get("upgrade"), None);
    // What is open stays open.
    assert_eq!(say(&mut open, "still here").await, "still here");

    clock.advance(Duration::from_secs(40));
    let (mut socket, _) = connect(&server).await.unwrap();
    assert_eq!(say(&mut socket, "back").await, "back");
}

#[tokio::test]
async fn what_does_not_become_a_websocket_is_charged_too() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("sockets", "1/minute"));
    let server = Server::start(Router::new().route("/", get(echo).layer(layer))).await;

    let plain = server.get("/").await;
    assert_eq!((plain.status, plain.remaining()), (400, Some(0)));
    assert_eq!(server.get("/").await.status, 429);
}

/// Answers with what it is told, or with the seconds to wait.
async fn chat(State(limits): State<(RateLimiter, Policy)>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        let (limiter, messages) = limits;
        while let Some(Ok(Message::Text(text))) = socket.recv().await {
            let decision = limiter.check("ada", &messages).await.unwrap();
            let answer = match decision.into_result() {
                Ok(_) => Message::Text(text),
                Err(exceeded) => {
                    Message::text(format!("wait {}", exceeded.retry_after_seconds().unwrap()))
                }
            };
            if socket.send(answer).await.is_err() {
                break;
            }
        }
    })
}

#[tokio::test]
async fn messages_are_limited_by_a_check_for_each() {
    let (limiter, clock) = limiter();
    let layer = RateLimitLayer::new(limiter.clone(), policy("sockets", "2/minute"));
    let app = Router::new()
        .route("/", get(chat).layer(layer))
        .with_state((limiter, policy("messages", "3/minute")));
    let server = Server::start(app).await;

    let (mut socket, _) = connect(&server).await.unwrap();
    let (mut other, _) = connect(&server).await.unwrap();
    for text in ["one", "two"] {
        assert_eq!(say(&mut socket, text).await, text);
    }
    // The limit is on the user, whatever the number of sockets.
    assert_eq!(say(&mut other, "three").await, "three");
    assert_eq!(say(&mut other, "four").await, "wait 40");
    assert_eq!(say(&mut socket, "five").await, "wait 40");

    clock.advance(Duration::from_secs(40));
    assert_eq!(say(&mut socket, "six").await, "six");
}
