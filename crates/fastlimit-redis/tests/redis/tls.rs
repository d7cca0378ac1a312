//! TLS with certificates of its own, and without a choice for the whole process.

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Limit, StoreErrorKind};
use fastlimit_redis::{ConnectError, RedisStore};
use fastlimit_test_redis::TestRedis;
use rustls::crypto::CryptoProvider;

use crate::rig::apply;

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let redis = TestRedis::start_tls(true).unwrap();
    let builder = || RedisStore::builder(redis.url()).ca_certificates(redis.ca_pem());
    let with_certificate =
        builder().client_certificate(redis.client_cert_pem(), redis.client_key_pem());
    let store = with_certificate.connect().await.unwrap();
    let limit: Limit = "5/day".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let decision = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
    assert_eq!(decision.unwrap().remaining(), 4);

    let error = builder().connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error}");
    // Whatever the application chooses, it is the first to choose.
    assert!(CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_a_misconfiguration() {
    let redis = TestRedis::start_tls(false).unwrap();
    let wrong = RedisStore::builder(redis.url()).ca_certificates(redis.other_ca_pem());
    let error = wrong.clone().connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    let store = wrong.connect_lazily().unwrap();
    let limit: Limit = "5/day".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let error = loop {
        let check = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
        let error = check.unwrap_err();
        if error.kind() != StoreErrorKind::NotSent {
            break error;
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");

    let nonsense = RedisStore::builder(redis.url()).ca_certificates("no certificate");
    let error = nonsense.connect_lazily().unwrap_err();
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error}");
    let plain = RedisStore::builder("redis://host").ca_certificates("no certificate");
    assert!(plain.connect_lazily().is_ok(), "a plain URL touches no TLS");
}
