//! A server that is reached over TLS only.

#![allow(
    clippy::unwrap_used,
    reason = "a panic in a function of a test is a failed test"
)]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use fastlimit_test_redis::{TestRedis, TlsRedis};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Says `PING` over TLS as somebody who trusts one authority.
fn ping(redis: &TlsRedis, name: &str, ca: &str, shows_itself: bool) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(ca)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = if shows_itself {
        let key = PrivateKeyDer::from_pem_slice(redis.client_key_pem().as_bytes()).unwrap();
        config
            .with_client_auth_cert(vec![certificate(redis.client_cert_pem())], key)
            .unwrap()
    } else {
        config.with_no_client_auth()
    };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(redis.addr())?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, stream);
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

#[test]
fn a_server_is_trusted_by_its_authority_alone() {
    let redis = TestRedis::start_tls(false).unwrap();
    assert_eq!(redis.url(), format!("rediss://{}/", redis.addr()));
    for name in ["localhost", "127.0.0.1"] {
        let answer = ping(&redis, name, redis.ca_pem(), false).unwrap();
        assert_eq!(answer, "+PONG\r\n");
    }
    let error = ping(&redis, "localhost", redis.other_ca_pem(), false).unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    let error = ping(&redis, "redis.example", redis.ca_pem(), false).unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[test]
fn a_server_may_want_to_know_its_clients() {
    let redis = TestRedis::start_tls(true).unwrap();
    let answer = ping(&redis, "localhost", redis.ca_pem(), true).unwrap();
    assert_eq!(answer, "+PONG\r\n");
    ping(&redis, "localhost", redis.ca_pem(), false).unwrap_err();
}

#[test]
fn an_expired_certificate_is_told_as_such() {
    let redis = TestRedis::start_tls_expired().unwrap();
    let error = ping(&redis, "localhost", redis.ca_pem(), false).unwrap_err();
    let text = error.to_string().to_lowercase();
    assert!(text.contains("expired"), "{error}");
}

#[test]
fn a_server_over_tls_is_stopped_restarted_and_asked_like_any_other() {
    let redis = TestRedis::start_tls(true).unwrap();
    let pong = || redis.client().unwrap().command(&["PING"]).unwrap();
    assert_eq!(pong().text(), Some("PONG"));
    redis.stop().unwrap();
    assert!(TcpStream::connect(redis.addr()).is_err());
    redis.restart().unwrap();
    assert_eq!(pong().text(), Some("PONG"));
    let answer = ping(&redis, "localhost", redis.ca_pem(), true).unwrap();
    assert_eq!(answer, "+PONG\r\n");
    assert!(!format!("{redis:?}").contains("PRIVATE KEY"));
}
