//! HTTP/2: many requests on one connection, and trailers.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, response};
use axum::response::Response;
use axum::routing::get;
use fastlimit_axum::RateLimitLayer;
use futures_util::future::join_all;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{Calls, Server, limiter, policy};

/// One connection, which speaks HTTP/2 from its first byte.
struct Client(SendRequest<Body>);

struct Answer {
    head: response::Parts,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

impl Client {
    async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let io = TokioIo::new(stream);
        let handshake = http2::handshake(TokioExecutor::new(), io).await;
        let (requests, connection) = handshake.unwrap();
        tokio::spawn(connection);
        Self(requests)
    }

    async fn get(&self) -> Answer {
        let request = Request::get("http://test/").body(Body::empty()).unwrap();
        let response = self.0.clone().send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned();
        Answer {
            head,
            body: body.to_bytes(),
            trailers,
        }
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        Some(self.head.headers.get(name)?.to_str().unwrap())
    }
}

/// A body of two frames, and a trailer.
async fn checked() -> Response {
    let trailer = (
        "x-checksum".parse().unwrap(),
        HeaderValue::from_static("2a"),
    );
    let frames = [
        Frame::data(Bytes::from_static(b"half ")),
        Frame::data(Bytes::from_static(b"and half")),
        Frame::trailers(HeaderMap::from_iter([trailer])),
    ];
    let frames = stream::iter(frames.map(Ok::<_, Infallible>));
    Response::new(Body::new(StreamBody::new(frames)))
}

#[tokio::test]
async fn trailers_pass_untouched_and_say_nothing_of_the_limit() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("files", "5/minute"));
    let server = Server::start(Router::new().route("/", get(checked).layer(layer))).await;

    let answer = Client::connect(&server).await.get().await;
    assert_eq!(answer.head.status, StatusCode::OK);
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("4"));
    assert_eq!(answer.body, "half and half");
    let trailers = answer.trailers.unwrap();
    assert_eq!(trailers.len(), 1, "{trailers:?}");
    assert_eq!(trailers["x-checksum"], "2a");
}

#[tokio::test]
async fn each_stream_of_a_connection_is_a_request() {
    let (limiter, _) = limiter();
    let calls = Calls::default();
    let layer = RateLimitLayer::new(limiter, policy("files", "3/minute"));
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;

    let client = Client::connect(&server).await;
    let answers = join_all((0..8).map(|_| client.get())).await;
    let denied = answers
        .iter()
        .filter(|answer| answer.head.status == StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((denied.count(), calls.count()), (5, 3));
}

#[tokio::test]
async fn a_denial_ends_its_stream_and_not_the_connection() {
    let (limiter, clock) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("files", "1/minute"));
    let server = Server::start(Router::new().route("/", get(checked).layer(layer))).await;

    let client = Client::connect(&server).await;
    assert_eq!(client.get().await.head.status, StatusCode::OK);
    let denied = client.get().await;
    assert_eq!(denied.head.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(denied.header("retry-after"), Some("40"));
    assert!(denied.body.starts_with(b"{"), "{:?}", denied.body);
    assert_eq!(denied.trailers, None);

    clock.advance(Duration::from_secs(40));
    assert_eq!(client.get().await.head.status, StatusCode::OK);
}
