//! A tonic service with a limit, and a client that is too fast for it.
//!
//! ```console
//! cargo run --package tonic_service
//! ```
//!
//! The health service stands for one of yours: the layer is around all that the server has.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter, Rejection};
use http::request::Parts;
use tokio::net::TcpListener;
use tonic::transport::server::{Server, TcpConnectInfo, TcpIncoming};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let limiter = RateLimiter::new(MemoryStore::new());
    let calls = Policy::new("calls", "3 per 5 seconds")?;
    let layer = RateLimitLayer::new(limiter, calls).key(peer);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder().layer(layer).add_service(health);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    call(address).await
}

/// Who is limited: tonic's server knows the address of a connection, where axum's layer does not
/// look for it.
fn peer(parts: &Parts) -> Result<String, Rejection> {
    let connection = parts.extensions.get::<TcpConnectInfo>();
    match connection.and_then(TcpConnectInfo::remote_addr) {
        Some(address) => Ok(address.ip().to_string()),
        None => Err(Rejection::MissingClientAddress),
    }
}

/// Calls five times, and waits where it is told to.
async fn call(server: SocketAddr) -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint::from_shared(format!("http://{server}"))?;
    let mut client: HealthClient<Channel> = HealthClient::new(endpoint.connect().await?);
    let mut answers = 0;
    while answers < 5 {
        match client.check(HealthCheckRequest::default()).await {
            Ok(_) => {
                answers += 1;
                println!("answer {answers}");
            }
            Err(status) => {
                let wait = wait(&status).ok_or(status)?;
                println!("denied; again in {wait:?}");
                tokio::time::sleep(wait).await;
            }
        }
    }
    Ok(())
}

/// How long a denied client has to wait; `None` if the call failed for another reason, or if
/// waiting never helps.
fn wait(status: &Status) -> Option<Duration> {
    if status.code() != Code::ResourceExhausted {
        return None;
    }
    let millis = status.metadata().get("grpc-retry-pushback-ms")?;
    Some(Duration::from_millis(millis.to_str().ok()?.parse().ok()?))
}
