//! TLS: certificates that fit and certificates that do not, and ports without it.

use std::time::Duration;

use fastlimit_core::StoreErrorKind;
use fastlimit_test_redis::TestRedis;

use super::super::{DialSettings, Tls, Wanted};
use super::rig::{PROTOCOLS, dial, dialer, fake, run, settings, speaking};
use crate::{ConnectError, ConnectStage};

fn with(tls: Tls) -> DialSettings {
    DialSettings { tls, ..settings() }
}

/// The error of an attempt with these certificates.
async fn error(url: &str, tls: Tls) -> ConnectError {
    let dialled = dialer(url, Wanted::Standalone, with(tls)).dial().await;
    dialled.unwrap_err()
}

fn assert_certificate(error: &ConnectError, word: &str) {
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error}");
    assert_eq!(error.kind_of_store_error(), StoreErrorKind::Misconfigured);
    let text = error.to_string();
    assert!(text.contains(word) && !text.contains('\n'), "{text}");
}

#[tokio::test]
async fn a_trusted_server_is_spoken_to() {
    let server = TestRedis::start_tls(false).unwrap();
    let tls = Tls::default().trusting(server.ca_pem());
    for protocol in PROTOCOLS {
        let url = speaking(server.url(), protocol);
        let dialer = dialer(&url, Wanted::Standalone, with(tls.clone()));
        let connection = dialer.dial().await.unwrap();
        let before = connection.written();
        run(&connection, &["PING"]).await;
        // A record of TLS is longer than what it holds.
        assert!(connection.written().abs_diff(before) > 14);
        assert!(!connection.has_ended());
    }
    let dialer = dialer(server.url(), Wanted::Standalone, with(tls));
    let connection = dialer.dial().await.unwrap();
    server.stop().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(2), connection.ended());
    ended.await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_told_why() {
    let server = TestRedis::start_tls(false).unwrap();
    let strange = Tls::default().trusting(server.other_ca_pem());
    assert_certificate(&error(server.url(), strange).await, "give the builder");
    // Of the system, or of a system without any.
    assert_certificate(
        &error(server.url(), Tls::default()).await,
        "give the builder",
    );
    // The certificate is for its address and `localhost`.
    let another_name = server.url().replace("127.0.0.1", "127.1");
    let trusting = Tls::default().trusting(server.ca_pem());
    assert_certificate(&error(&another_name, trusting).await, "valid for");

    let server = TestRedis::start_tls_expired().unwrap();
    let trusting = Tls::default().trusting(server.ca_pem());
    assert_certificate(&error(server.url(), trusting).await, "xpired");

    // Nothing is connected to for it.
    let nowhere = error("rediss://127.0.0.1:1", Tls::default().trusting("hunter2")).await;
    assert_certificate(&nowhere, "none in PEM");
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let server = TestRedis::start_tls(true).unwrap();
    let other = TestRedis::start_tls(true).unwrap();
    let trusting = || Tls::default().trusting(server.ca_pem());
    for protocol in PROTOCOLS {
        let url = speaking(server.url(), protocol);
        let tls = trusting().as_client(server.client_cert_pem(), server.client_key_pem());
        let dialer = dialer(&url, Wanted::Standalone, with(tls));
        run(&dialer.dial().await.unwrap(), &["PING"]).await;

        assert_certificate(&error(&url, trusting()).await, "certificate of the client");
        let tls = trusting().as_client(other.client_cert_pem(), other.client_key_pem());
        assert_certificate(&error(&url, tls).await, "certificate of the client");
        let tls = trusting().as_client(server.client_cert_pem(), other.client_key_pem());
        assert_certificate(&error(&url, tls).await, "does not fit");
    }
}

#[tokio::test]
async fn the_wrong_scheme_is_told() {
    let server = TestRedis::start_tls(false).unwrap();
    let plain = TestRedis::start().unwrap();
    for protocol in PROTOCOLS {
        let url = speaking(&server.url().replace("rediss://", "redis://"), protocol);
        let told = dial(&url, Wanted::Standalone).await.unwrap_err();
        assert!(told.to_string().contains("rediss://"), "{told}");

        let url = speaking(&format!("rediss://{}", plain.addr()), protocol);
        let tls = Tls::default().trusting(server.ca_pem());
        let settings = DialSettings {
            connect_timeout: Duration::from_millis(300),
            ..with(tls)
        };
        let told = dialer(&url, Wanted::Standalone, settings).dial().await;
        let told = told.unwrap_err();
        assert!(told.to_string().contains("with redis://"), "{told}");
    }
}

#[tokio::test]
async fn what_answers_without_tls_is_told() {
    // Without certificates of the system it would end before.
    let server = TestRedis::start_tls(false).unwrap();
    let tls = Tls::default().trusting(server.ca_pem());
    let (address, _) = fake(b"-ERR Protocol error: unbalanced quotes in request\r\n").await;
    let told = error(&format!("rediss://{address}"), tls.clone()).await;
    assert!(matches!(told, ConnectError::WrongServer { .. }), "{told}");
    assert!(told.to_string().contains("redis://"), "{told}");

    let (address, _) = fake(b"").await;
    let settings = DialSettings {
        connect_timeout: Duration::from_millis(200),
        ..with(tls)
    };
    let dialer = dialer(&format!("rediss://{address}"), Wanted::Standalone, settings);
    let told = dialer.dial().await.unwrap_err();
    let ConnectError::TimedOut { stage, .. } = told else {
        unreachable!("{told}")
    };
    assert_eq!(stage, ConnectStage::Tls);
}

#[tokio::test]
async fn certificates_are_read_once() {
    // Without certificates of the system it would end before.
    let server = TestRedis::start_tls(false).unwrap();
    let tls = Tls::default().trusting(server.ca_pem());
    let first = tls.config().unwrap();
    let again = tls.clone().config().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again));
}
