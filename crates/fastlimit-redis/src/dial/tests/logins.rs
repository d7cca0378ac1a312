//! Users, passwords, databases and names.

use fastlimit_core::StoreErrorKind;
use fastlimit_test_redis::TestRedis;

use super::super::Wanted;
use super::rig::{NAME, PROTOCOLS, dial, run, speaking, text};
use crate::ConnectError;

#[tokio::test]
async fn the_login_is_that_of_the_url() {
    let redis = TestRedis::start_with(&["--requirepass", "hunter2"]).unwrap();
    for protocol in PROTOCOLS {
        let url = format!("redis://:hunter2@{}/3", redis.addr());
        let connection = dial(&speaking(&url, protocol), Wanted::Standalone).await;
        let info = text(&connection.unwrap(), &["CLIENT", "INFO"]).await;
        for part in ["db=3 ", "user=default ", &format!("name={NAME} ")] {
            assert!(info.contains(part), "{part} {info}");
        }
        let resp = format!("resp={}", protocol.trim_start_matches("resp"));
        assert!(info.contains(&resp), "{info}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let redis = TestRedis::start_with(&["--requirepass", "right"]).unwrap();
    let address = redis.addr();
    for protocol in PROTOCOLS {
        for login in [":hunter2@", "ada:hunter2@", "default:hunter2@", ""] {
            let url = speaking(&format!("redis://{login}{address}"), protocol);
            let error = dial(&url, Wanted::Standalone).await.unwrap_err();
            assert!(
                matches!(error, ConnectError::Unauthorized { .. }),
                "{error}"
            );
            assert_eq!(error.kind_of_store_error(), StoreErrorKind::Misconfigured);
            let code = if login.is_empty() {
                "NOAUTH"
            } else {
                "WRONGPASS"
            };
            assert!(error.to_string().contains(code), "{error}");
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_password_of_letters_of_the_reason_does_not_hide_it() {
    let redis = TestRedis::start_with(&["--requirepass", "right"]).unwrap();
    for protocol in PROTOCOLS {
        let url = speaking(&format!("redis://:PASS@{}", redis.addr()), protocol);
        let error = dial(&url, Wanted::Standalone).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Unauthorized { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("WRONGPASS"), "{error}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told() {
    let redis = TestRedis::shared().unwrap();
    for protocol in PROTOCOLS {
        let url = speaking(&format!("redis://{}/99999", redis.addr()), protocol);
        let error = dial(&url, Wanted::Standalone).await.unwrap_err();
        let ConnectError::NoDatabase { database, .. } = error else {
            unreachable!("{error}")
        };
        assert_eq!(database, 99999);
        assert_eq!(error.kind_of_store_error(), StoreErrorKind::Misconfigured);
    }
}

#[tokio::test]
async fn a_unix_socket_is_as_good() {
    let redis = TestRedis::start().unwrap();
    let Some(path) = redis.unix_socket() else {
        return;
    };
    for scheme in ["unix", "redis+unix"] {
        let url = format!("{scheme}://{}?db=2", path.display());
        let connection = dial(&url, Wanted::Standalone).await.unwrap();
        let info = text(&connection, &["CLIENT", "INFO"]).await;
        assert!(info.contains("db=2 "), "{info}");
        let () = redis::from_redis_value(run(&connection, &["PING"]).await).unwrap();
    }
    let error = dial("unix:///nowhere/redis.sock", Wanted::Standalone).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}
