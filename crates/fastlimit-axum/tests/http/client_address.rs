use std::net::SocketAddr;

use axum::Router;
use axum::extract::connect_info::MockConnectInfo;
use fastlimit_axum::RateLimitLayer;

use crate::support::{Calls, Server, limiter, policy};

#[tokio::test]
async fn no_header_makes_another_client() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("users", "3/minute"));
    let app = Router::new().route("/", Calls::default().route().layer(layer));
    let server = Server::start(app).await;

    let spoofed = [
        ("x-forwarded-for", "203.0.113.1"),
        ("x-real-ip", "203.0.113.2"),
        ("forwarded", "for=203.0.113.3"),
    ];
    for (index, (name, value)) in spoofed.into_iter().enumerate() {
        let answer = server.get_with(name, value).await;
        assert_eq!(answer.remaining(), Some(2 - index as u64));
    }
    assert_eq!(server.get("/").await.status, 429);
}

#[tokio::test]
async fn spellings_and_prefixes_of_one_client_share_a_counter() {
    let (limiter, _) = limiter();
    let remaining = async |address: &str| {
        let address: SocketAddr = address.parse().unwrap();
        let layer = RateLimitLayer::new(limiter.clone(), policy("users", "10/minute"));
        let route = Calls::default().route().layer(layer);
        let app = Router::new()
            .route("/", route)
            .layer(MockConnectInfo(address));
        let server = Server::start_without_connect_info(app).await;
        server.get("/").await.remaining()
    };

    assert_eq!(remaining("1.2.3.4:1000").await, Some(9));
    assert_eq!(remaining("[::ffff:1.2.3.4]:2000").await, Some(8));
    assert_eq!(remaining("[::ffff:102:304]:3000").await, Some(7));
    assert_eq!(remaining("1.2.3.5:1000").await, Some(9));
    assert_eq!(remaining("[2001:db8:1:2::1]:1000").await, Some(9));
    assert_eq!(remaining("[2001:db8:1:2:ffff::9]:1000").await, Some(8));
    assert_eq!(remaining("[2001:db8:1:3::1]:1000").await, Some(9));
}
