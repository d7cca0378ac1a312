//! What a client of gRPC reads, here through HTTP/1.1: the header fields of a response without a
//! body.

use axum::Router;
use fastlimit_axum::{DenialBody, RateLimitLayer};
use fastlimit_core::{Cost, Policy};

use crate::support::{Answer, Calls, Server, limiter, policy};

/// Calls twice.
async fn second_call(layer: impl FnOnce(RateLimitLayer) -> RateLimitLayer) -> Answer {
    let (limiter, _) = limiter();
    let layer = layer(RateLimitLayer::new(limiter, policy("calls", "1/minute")));
    let calls = Calls::default();
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;
    let call = async |method| {
        let request = server.request(method, "/");
        request
            .header("content-type", "application/grpc+proto")
            .send()
            .await
    };
    call("POST").await;
    // What is no call of gRPC says so by its status, whatever its content type.
    assert_ne!(call("GET").await.status, 200);
    let answer = call("POST").await;
    assert_eq!(answer.status, 200);
    assert!(calls.count() <= 1, "a denied call reached the service");
    answer
}

fn fields(answer: &Answer) -> [Option<&str>; 5] {
    [
        "content-type",
        "grpc-status",
        "grpc-message",
        "grpc-retry-pushback-ms",
        "retry-after",
    ]
    .map(|name| answer.header(name))
}

#[tokio::test]
async fn a_denied_call_is_told_its_status_and_its_wait() {
    let denied = second_call(|layer| layer.denial_body(DenialBody::Problem)).await;
    let message = "rate limit of 1/minute exceeded; retry after 40 s";
    let expected = ["application/grpc", "8", message, "40000", "40"];
    assert_eq!(fields(&denied), expected.map(Some));
    assert_eq!(denied.limit(), Some((1, 0, 40)));
    assert_eq!(denied.body, "");
}

#[tokio::test]
async fn a_call_that_waiting_never_helps_is_not_tried_again() {
    let denied = second_call(|layer| layer.cost(Cost::requests(2))).await;
    let [_, status, _, pushback, retry_after] = fields(&denied);
    assert_eq!(
        (status, pushback, retry_after),
        (Some("8"), Some("-1"), None)
    );
}

#[tokio::test]
async fn a_limit_that_is_set_up_wrongly_is_internal() {
    let unnamed: Policy = "1/minute".parse().unwrap();
    let answer = second_call(|layer| layer.policy(unnamed)).await;
    let message = "the rate limiter is set up wrongly; the server's log says how";
    assert_eq!(
        fields(&answer),
        [
            Some("application/grpc"),
            Some("13"),
            Some(message),
            None,
            None
        ]
    );
}
