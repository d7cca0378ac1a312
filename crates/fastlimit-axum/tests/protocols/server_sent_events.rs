//! A stream of events: one request, however long it lasts.

use std::convert::Infallible;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use fastlimit_axum::RateLimitLayer;
use futures_util::{Stream, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::support::{Server, limiter, policy};

/// Passes on what is sent to the receiver.
fn events(receiver: Receiver<u32>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::unfold(receiver, |mut receiver| async {
        let number = receiver.recv().await.ok()?;
        let event = Event::default().data(number.to_string());
        Some((Ok(event), receiver))
    }))
}

/// A route of two streams a minute, and what sends the events.
async fn serve() -> (Server, Sender<u32>) {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("streams", "2/minute"));
    let (sender, _) = broadcast::channel(8);
    let source = sender.clone();
    let route = get(move || async move { events(source.subscribe()) });
    let server = Server::start(Router::new().route("/", route.layer(layer))).await;
    (server, sender)
}

/// A client that reads as events come.
struct Reader {
    stream: TcpStream,
    read: String,
}

impl Reader {
    async fn open(server: &Server) -> Self {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let read = String::new();
        Self { stream, read }
    }

    /// Reads up to the next `end`, and returns what comes before it.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some((before, after)) = self.read.split_once(end) {
                let before = before.to_owned();
                self.read = after.to_owned();
                return before;
            }
            let mut bytes = [0; 1024];
            let length = self.stream.read(&mut bytes).await.unwrap();
            assert_ne!(length, 0, "the stream ended after {:?}", self.read);
            self.read += str::from_utf8(&bytes[..length]).unwrap();
        }
    }
}

#[tokio::test]
async fn the_limit_shows_before_the_first_event() {
    let (server, sender) = serve().await;
    let mut reader = Reader::open(&server).await;

    // Nobody has sent an event yet.
    let head = reader.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for line in [
        "content-type: text/event-stream",
        "x-ratelimit-limit: 2",
        "x-ratelimit-remaining: 1",
    ] {
        assert!(head.lines().any(|other| other == line), "{head}");
    }
    for number in 0..3 {
        sender.send(number).unwrap();
        reader.until(&format!("data: {number}\n\n")).await;
    }
}

#[tokio::test]
async fn a_stream_is_one_request_and_outlives_the_denial_of_another() {
    let (server, sender) = serve().await;
    let mut reader = Reader::open(&server).await;
    reader.until("\r\n\r\n").await;
    for number in 0..5 {
        sender.send(number).unwrap();
        reader.until(&format!("data: {number}\n\n")).await;
    }

    let mut second = Reader::open(&server).await;
    let head = second.until("\r\n\r\n").await;
    assert!(head.contains("x-ratelimit-remaining: 0\r\n"), "{head}");
    let denied = server.get("/").await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), Some("40"));
    assert_eq!(denied.json()["error"], "rate_limit_exceeded");

    sender.send(5).unwrap();
    for reader in [&mut reader, &mut second] {
        reader.until("data: 5\n\n").await;
    }
}
