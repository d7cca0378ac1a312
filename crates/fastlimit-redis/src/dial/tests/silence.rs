//! Servers that say nothing, and the second attempt.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fastlimit_core::StoreErrorKind;
use fastlimit_test_redis::TestRedis;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::super::{DialSettings, Wanted};
use super::rig::{dial, dialer, fake, run, settings};
use crate::{ConnectError, ConnectStage};

fn within(milliseconds: u64) -> DialSettings {
    DialSettings {
        connect_timeout: Duration::from_millis(milliseconds),
        ..settings()
    }
}

#[tokio::test]
async fn silence_ends_in_time_after_two_attempts() {
    let (address, clients) = fake(b"").await;
    let url = format!("redis://:hunter2@{address}");
    let began = Instant::now();
    let error = dialer(&url, Wanted::Standalone, within(400)).dial().await;
    let took = began.elapsed();
    let error = error.unwrap_err();
    assert!(took >= Duration::from_millis(400), "{took:?}");
    assert!(took < Duration::from_millis(700), "{took:?}");
    let ConnectError::TimedOut { stage, .. } = error else {
        unreachable!("{error}")
    };
    assert_eq!(stage, ConnectStage::Login);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to redis://:***@{address}: not connected within 400 ms: the server did \
             not answer the login"
        )
    );
    assert_eq!(error.kind_of_store_error(), StoreErrorKind::NotSent);
    assert_eq!(clients.load(Ordering::Acquire), 2);
}

#[tokio::test]
async fn an_answer_in_time_needs_no_second_attempt() {
    let (address, clients) = fake(b"%0\r\n*0\r\n").await;
    let url = format!("redis://{address}");
    let connection = dialer(&url, Wanted::Standalone, within(1000)).dial().await;
    let connection = connection.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(clients.load(Ordering::Acquire), 1);
    assert!(!connection.has_ended());
}

#[tokio::test]
async fn the_second_attempt_wins_over_one_that_hangs() {
    let redis = TestRedis::shared().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let server = redis.addr();
    let proxy = tokio::spawn(async move {
        // Held and not served.
        let (first, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        let _ = copy_bidirectional(&mut second, &mut server).await;
        // Given up long ago.
        first.readable().await.unwrap();
    });
    let began = Instant::now();
    let connection = dialer(&url, Wanted::Standalone, within(4000)).dial().await;
    let connection = connection.unwrap();
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(250), "{took:?}");
    assert!(took < Duration::from_millis(1000), "{took:?}");
    run(&connection, &["PING"]).await;
    drop(connection);
    proxy.await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let began = Instant::now();
    let url = format!("redis://:hunter2@{address}");
    let error = dial(&url, Wanted::Standalone).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(200));
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert_eq!(error.kind_of_store_error(), StoreErrorKind::NotSent);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_hangs_up_may_want_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            drop(socket);
        }
    });
    for _ in 0..20 {
        let error = dial(&url, Wanted::Standalone).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("rediss://"), "{error}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_named() {
    let error = dial("redis://nowhere.invalid:7000", Wanted::Standalone).await;
    let error = error.unwrap_err();
    assert!(
        error.to_string().contains("redis://nowhere.invalid:7000"),
        "{error}"
    );
}
