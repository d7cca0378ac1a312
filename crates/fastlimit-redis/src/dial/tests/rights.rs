//! What a user may not do, and what a server will do to the keys.

use fastlimit_core::StoreErrorKind;
use fastlimit_test_redis::{ExclusiveRedis, TestRedis};
use redis::Value;

use super::super::{Connection, Wanted};
use super::rig::{PROTOCOLS, dial, dialer, run, settings, speaking};
use crate::ConnectError;

/// What the store needs, by the documentation.
const RIGHTS: &str = "-@all +eval +evalsha +time +mget +get +set +setrange +del";

/// A server with a user, and a connection to set it up by.
async fn with_user(rights: &str) -> (ExclusiveRedis, Connection) {
    let redis = TestRedis::start().unwrap();
    let admin = dial(redis.url(), Wanted::Standalone).await.unwrap();
    let user = format!("ACL SETUSER ada on >secret resetkeys ~fl:* resetchannels {rights}");
    run(&admin, &user.split(' ').collect::<Vec<_>>()).await;
    (redis, admin)
}

async fn dial_as_user(redis: &TestRedis, protocol: &str) -> Result<Connection, ConnectError> {
    let url = format!("redis://ada:secret@{}", redis.addr());
    dial(&speaking(&url, protocol), Wanted::Standalone).await
}

#[tokio::test]
async fn the_least_rights_suffice_and_leave_no_trace() {
    for keys in ["~fl:*", "resetkeys ~other:*"] {
        let (redis, admin) = with_user(&format!("{RIGHTS} {keys}")).await;
        for protocol in PROTOCOLS {
            dial_as_user(&redis, protocol).await.unwrap();
        }
        let noted = run(&admin, &["ACL", "LOG"]).await;
        assert_eq!(noted, Value::Array(Vec::new()));
    }
}

#[tokio::test]
async fn a_missing_right_is_named() {
    for command in [
        "eval", "evalsha", "time", "mget", "get", "set", "setrange", "del",
    ] {
        let (redis, admin) = with_user(&format!("{RIGHTS} -{command}")).await;
        // Before Redis 7 a script cannot ask.
        let info = super::rig::text(&admin, &["INFO", "server"]).await;
        if command != "eval" && info.contains("redis_version:6.") {
            continue;
        }
        for protocol in PROTOCOLS {
            let error = dial_as_user(&redis, protocol).await.unwrap_err();
            assert_eq!(error.kind_of_store_error(), StoreErrorKind::Misconfigured);
            let ConnectError::MissingRight { command: named, .. } = &error else {
                unreachable!("{error}")
            };
            assert_eq!(named, command);
        }
    }
}

#[tokio::test]
async fn an_evicting_server_is_warned_of_once() {
    for (policy, is_told) in [
        ("noeviction", false),
        ("allkeys-lru", true),
        ("volatile-ttl", true),
    ] {
        let redis = TestRedis::start_with(&["--maxmemory-policy", policy]).unwrap();
        let dialer = dialer(redis.url(), Wanted::Standalone, settings());
        for _ in 0..2 {
            dialer.dial().await.unwrap();
            assert_eq!(dialer.has_warned_of_eviction(), is_told, "{policy}");
        }
    }
}

#[tokio::test]
async fn msetex_is_found_where_it_is() {
    let redis = TestRedis::shared().unwrap();
    for protocol in PROTOCOLS {
        let url = speaking(redis.url(), protocol);
        let connection = dial(&url, Wanted::Standalone).await.unwrap();
        let known = run(&connection, &["COMMAND", "INFO", "msetex"]).await;
        let is_known = known != Value::Array(vec![Value::Nil]);
        assert_eq!(connection.has_msetex(), is_known);
    }
}
