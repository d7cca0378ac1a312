//! Services of gRPC, and what their clients see.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::request::Parts;
use fastlimit_axum::{RateLimitLayer, Rejection};
use fastlimit_core::{Cost, RateLimiter};
use tokio::net::TcpListener;
use tonic::Code;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_health::{ServingStatus, pb};

use crate::support::{Asked, Down, Server, limiter, policy};

/// Knows the service `mail`, which serves.
async fn reporter() -> HealthReporter {
    let reporter = HealthReporter::new();
    let serving = ServingStatus::Serving;
    reporter.set_service_status("mail", serving).await;
    reporter
}

fn service(reporter: &HealthReporter) -> pb::health_server::HealthServer<HealthService> {
    let service = HealthService::from_health_reporter(reporter.clone());
    pb::health_server::HealthServer::new(service)
}

/// The services of gRPC as axum serves them.
fn router(reporter: &HealthReporter) -> Router {
    Routes::new(service(reporter)).into_axum_router()
}

async fn client(address: SocketAddr) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    HealthClient::new(endpoint.connect().await.unwrap())
}

fn ask(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

fn text<'a>(metadata: &'a MetadataMap, name: &str) -> Option<&'a str> {
    Some(metadata.get(name)?.to_str().unwrap())
}

#[tokio::test]
async fn calls_within_the_limit_answer_and_show_it() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("calls", "3/minute"));
    let server = Server::start(router(&reporter().await).layer(layer)).await;
    let mut client = client(server.address()).await;

    for remaining in ["2", "1"] {
        let answer = client.check(ask("mail")).await.unwrap();
        assert_eq!(
            answer.get_ref().status(),
            pb::health_check_response::ServingStatus::Serving
        );
        let shown = text(answer.metadata(), "x-ratelimit-remaining");
        assert_eq!(shown, Some(remaining));
    }
    // The service's own error is a call too.
    let unknown = client.check(ask("nobody")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let shown = text(unknown.metadata(), "x-ratelimit-remaining");
    assert_eq!(shown, Some("0"));
}

#[tokio::test]
async fn a_streaming_call_is_one_request_whose_trailers_say_nothing_of_the_limit() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("calls", "2/minute"));
    let mut reporter = reporter().await;
    let server = Server::start(router(&reporter).layer(layer)).await;
    let mut client = client(server.address()).await;

    let mut changes = client.watch(ask("mail")).await.unwrap().into_inner();
    for status in [ServingStatus::NotServing, ServingStatus::Serving] {
        assert!(changes.message().await.unwrap().is_some());
        reporter.set_service_status("mail", status).await;
    }
    let other = client.check(ask("")).await.unwrap();
    assert_eq!(text(other.metadata(), "x-ratelimit-remaining"), Some("0"));

    // It ends.
    reporter.clear_service_status("mail").await;
    let trailers = changes.trailers().await.unwrap().unwrap().into_headers();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers.len(), 1, "{trailers:?}");
}

/// The address that tonic's own server knows.
fn peer(parts: &Parts) -> Result<String, Rejection> {
    let connection = parts.extensions.get::<TcpConnectInfo>();
    let address = connection.and_then(TcpConnectInfo::remote_addr);
    let address = address.ok_or(Rejection::MissingClientAddress)?;
    Ok(address.ip().to_string())
}

#[tokio::test]
async fn the_layer_stands_in_tonics_own_server_as_well() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("calls", "2/minute")).key(peer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder()
        .layer(layer)
        .add_service(service(&reporter().await));
    let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    // Two connections of one client.
    for remaining in ["1", "0"] {
        let answer = client(address).await.check(ask("mail")).await.unwrap();
        let shown = text(answer.metadata(), "x-ratelimit-remaining");
        assert_eq!(shown, Some(remaining));
    }
    assert!(client(address).await.check(ask("mail")).await.is_err());
    server.abort();
}

#[tokio::test]
async fn a_denied_call_is_exhausted_and_told_when_to_come_back() {
    let (limiter, clock) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("calls", "1/minute"));
    let server = Server::start(router(&reporter().await).layer(layer)).await;
    let mut client = client(server.address()).await;
    client.check(ask("mail")).await.unwrap();

    let denied = client.check(ask("mail")).await.unwrap_err();
    let streaming = client.watch(ask("mail")).await.unwrap_err();
    for denied in [&denied, &streaming] {
        assert_eq!(denied.code(), Code::ResourceExhausted);
        assert!(!denied.message().is_empty());
        assert_eq!(text(denied.metadata(), "retry-after"), Some("40"));
    }
    let pushback = text(denied.metadata(), "grpc-retry-pushback-ms").unwrap();
    let pushback: u64 = pushback.parse().unwrap();
    // Not before the minute ends, and no later than the other field says.
    assert!((39_500..=40_000).contains(&pushback), "{pushback}");

    clock.advance(Duration::from_millis(pushback));
    client.check(ask("mail")).await.unwrap();
}

#[tokio::test]
async fn a_call_that_never_passes_is_not_told_to_come_back() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("calls", "1/minute"));
    let layer = layer.cost(Cost::requests(2));
    let server = Server::start(router(&reporter().await).layer(layer)).await;

    let denied = client(server.address()).await.check(ask("mail")).await;
    let denied = denied.unwrap_err();
    assert_eq!(denied.code(), Code::ResourceExhausted);
    assert_eq!(text(denied.metadata(), "retry-after"), None);
    // A negative time is gRPC's word for it.
    let pushback = text(denied.metadata(), "grpc-retry-pushback-ms");
    assert_eq!(pushback, Some("-1"));
}

#[tokio::test]
async fn a_call_that_could_not_be_checked_is_unavailable() {
    let limiter = RateLimiter::new(Down(Asked::default()));
    let layer = RateLimitLayer::new(limiter, policy("calls", "1/minute"));
    let server = Server::start(router(&reporter().await).layer(layer)).await;

    let failed = client(server.address()).await.check(ask("mail")).await;
    let failed = failed.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    let content_type = text(failed.metadata(), "content-type");
    assert_eq!(content_type, Some("application/grpc"));
}

#[tokio::test]
async fn only_calls_of_grpc_are_denied_as_such() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("calls", "1/minute"));
    let server = Server::start(router(&reporter().await).layer(layer)).await;
    server.get("/").await;

    let denied = server.get("/").await;
    assert_eq!((denied.status, denied.header("grpc-status")), (429, None));
    assert_eq!(denied.json()["error"], "rate_limit_exceeded");
}
