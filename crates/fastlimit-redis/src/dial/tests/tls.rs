//! TLS: certificates that fit and certificates that do not, and ports without it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fastlimit_core::StoreErrorKind;
use fastlimit_test_redis::{ExclusiveRedis, TestRedis, unique_prefix};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::super::{DialSettings, Tls, Wanted};
use super::rig::{PROTOCOLS, dial, dialer, fake, run, settings, speaking};
use crate::{ConnectError, ConnectStage};

/// An authority that signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each has a name of its own.
        let name = unique_prefix();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// A certificate for a name, and its key.
    fn sign(&self, name: &str, has_expired: bool) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if has_expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A server with a plain port and one with TLS.
struct Server {
    plain: ExclusiveRedis,
    /// The host and port with TLS.
    address: String,
    folder: PathBuf,
}

impl Server {
    fn start(authority: &Authority, name: &str, has_expired: bool, asks_clients: &str) -> Self {
        let folder = std::env::temp_dir().join(unique_prefix());
        fs::create_dir(&folder).unwrap();
        let (certificate, key) = authority.sign(name, has_expired);
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let plain = TestRedis::start_with(&[
            "--tls-port",
            &address.port().to_string(),
            "--tls-ca-cert-file",
            &file("authority.pem", &authority.pem),
            "--tls-cert-file",
            &file("server.pem", &certificate),
            "--tls-key-file",
            &file("server.key", &key),
            "--tls-auth-clients",
            asks_clients,
        ]);
        Self {
            plain: plain.unwrap(),
            address: address.to_string(),
            folder,
        }
    }

    fn url(&self) -> String {
        format!("rediss://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

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
    let authority = Authority::new();
    let server = Server::start(&authority, "127.0.0.1", false, "no");
    let tls = Tls::default().trusting(authority.pem.as_str());
    for protocol in PROTOCOLS {
        let url = speaking(&server.url(), protocol);
        let dialer = dialer(&url, Wanted::Standalone, with(tls.clone()));
        let connection = dialer.dial().await.unwrap();
        let before = connection.written();
        run(&connection, &["PING"]).await;
        // A record of TLS is longer than what it holds.
        assert!(connection.written().abs_diff(before) > 14);
        assert!(!connection.has_ended());
    }
    let dialer = dialer(&server.url(), Wanted::Standalone, with(tls));
    let connection = dialer.dial().await.unwrap();
    server.plain.stop().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(2), connection.ended());
    ended.await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_told_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    let trusting = || Tls::default().trusting(authority.pem.as_str());

    let server = Server::start(&authority, "127.0.0.1", false, "no");
    let strange = Tls::default().trusting(other.pem.as_str());
    assert_certificate(&error(&server.url(), strange).await, "give the builder");
    // Of the system, or of a system without any.
    assert_certificate(
        &error(&server.url(), Tls::default()).await,
        "give the builder",
    );

    let server = Server::start(&authority, "other.example", false, "no");
    assert_certificate(&error(&server.url(), trusting()).await, "not valid for");

    let server = Server::start(&authority, "127.0.0.1", true, "no");
    assert_certificate(&error(&server.url(), trusting()).await, "xpired");

    // Nothing is connected to for it.
    let nowhere = error("rediss://127.0.0.1:1", Tls::default().trusting("hunter2")).await;
    assert_certificate(&nowhere, "none in PEM");
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::start(&authority, "127.0.0.1", false, "yes");
    let trusting = || Tls::default().trusting(authority.pem.as_str());
    for protocol in PROTOCOLS {
        let url = speaking(&server.url(), protocol);
        let (certificate, key) = authority.sign("limiter", false);
        let tls = trusting().as_client(certificate.as_str(), key.as_str());
        let dialer = dialer(&url, Wanted::Standalone, with(tls));
        run(&dialer.dial().await.unwrap(), &["PING"]).await;

        assert_certificate(&error(&url, trusting()).await, "certificate of the client");
        let (strange, strange_key) = other.sign("limiter", false);
        let tls = trusting().as_client(strange, strange_key.as_str());
        assert_certificate(&error(&url, tls).await, "certificate of the client");
        let tls = trusting().as_client(certificate, strange_key);
        assert_certificate(&error(&url, tls).await, "does not fit");
    }
}

#[tokio::test]
async fn the_wrong_scheme_is_told() {
    let authority = Authority::new();
    let server = Server::start(&authority, "127.0.0.1", false, "no");
    for protocol in PROTOCOLS {
        let url = speaking(&format!("redis://{}", server.address), protocol);
        let told = dial(&url, Wanted::Standalone).await.unwrap_err();
        assert!(told.to_string().contains("rediss://"), "{told}");

        let url = speaking(&format!("rediss://{}", server.plain.addr()), protocol);
        let tls = Tls::default().trusting(authority.pem.as_str());
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
    let authority = Authority::new();
    let tls = Tls::default().trusting(authority.pem.as_str());
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
    let authority = Authority::new();
    let tls = Tls::default().trusting(authority.pem.as_str());
    let first = tls.config().unwrap();
    let again = tls.clone().config().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again));
}
