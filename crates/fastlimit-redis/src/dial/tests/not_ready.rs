//! Servers that serve nobody for now.

use fastlimit_core::StoreErrorKind;
use fastlimit_test_redis::TestRedis;
use redis::Cmd;

use super::super::Wanted;
use super::rig::{PROTOCOLS, dial, fake, run, speaking};
use crate::ConnectError;

fn assert_not_ready(error: &ConnectError, word: &str) {
    assert!(matches!(error, ConnectError::NotReady { .. }), "{error}");
    assert!(error.to_string().contains(word), "{error}");
    assert_eq!(error.kind_of_store_error(), StoreErrorKind::Refused);
}

#[tokio::test]
async fn a_server_that_loads_or_has_no_master_is_not_ready() {
    for (answer, word) in [
        (
            b"%0\r\n-LOADING Redis is loading the dataset in memory\r\n".as_slice(),
            "LOADING",
        ),
        (
            b"-LOADING Redis is loading the dataset in memory\r\n+OK\r\n",
            "LOADING",
        ),
        (
            b"%0\r\n-MASTERDOWN Link with MASTER is down\r\n",
            "MASTERDOWN",
        ),
    ] {
        let (address, _) = fake(answer).await;
        for protocol in PROTOCOLS {
            let url = speaking(&format!("redis://{address}"), protocol);
            let error = dial(&url, Wanted::Standalone).await.unwrap_err();
            assert_not_ready(&error, word);
        }
    }
}

#[tokio::test]
async fn a_server_that_has_its_fill_of_clients_is_not_ready() {
    let redis = TestRedis::start().unwrap();
    let held = dial(redis.url(), Wanted::Standalone).await.unwrap();
    run(&held, &["CONFIG", "SET", "maxclients", "1"]).await;
    // Some times, since the server may hang up before or after it is spoken to.
    for _ in 0..20 {
        for protocol in PROTOCOLS {
            let url = speaking(redis.url(), protocol);
            let error = dial(&url, Wanted::Standalone).await.unwrap_err();
            assert_not_ready(&error, "max number of clients");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_is_not_ready() {
    let redis = TestRedis::start_with(&["--lua-time-limit", "1"]).unwrap();
    let [busy, killer] = [
        dial(redis.url(), Wanted::Standalone).await.unwrap(),
        dial(redis.url(), Wanted::Standalone).await.unwrap(),
    ];
    let mut endless = Cmd::new();
    endless.arg(&["EVAL", "while true do end", "0"]);
    let endless = tokio::spawn(busy.send(endless));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    for protocol in PROTOCOLS {
        let url = speaking(redis.url(), protocol);
        let error = dial(&url, Wanted::Standalone).await.unwrap_err();
        assert_not_ready(&error, "BUSY");
    }
    run(&killer, &["SCRIPT", "KILL"]).await;
    let _ = endless.await.unwrap();
    assert!(dial(redis.url(), Wanted::Standalone).await.is_ok());
}
