//! Connections that end, and what is told of it.

use std::time::Duration;

use fastlimit_test_redis::TestRedis;
use redis::Cmd;
use tokio::time::timeout;

use super::super::Wanted;
use super::rig::{NAME, PROTOCOLS, dial, run, speaking, text};

const SOON: Duration = Duration::from_secs(2);

fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}

#[tokio::test]
async fn an_end_while_nothing_is_under_way_is_noticed() {
    for protocol in PROTOCOLS {
        let redis = TestRedis::start().unwrap();
        let url = speaking(redis.url(), protocol);
        let connection = dial(&url, Wanted::Standalone).await.unwrap();
        run(&connection, &["PING"]).await;
        assert!(!connection.has_ended());
        let ended = connection.ended();
        redis.stop().unwrap();
        timeout(SOON, ended).await.unwrap();
        assert!(connection.has_ended());
        // Nothing leaves by it any more.
        let written = connection.written();
        assert!(connection.send(command(&["PING"])).await.is_err());
        assert_eq!(connection.written(), written);
        timeout(SOON, connection.ended()).await.unwrap();
    }
}

#[tokio::test]
async fn bytes_are_counted_as_they_leave() {
    let redis = TestRedis::shared().unwrap();
    let connection = dial(redis.url(), Wanted::Standalone).await.unwrap();
    let before = connection.written();
    assert!(before > 0);
    run(&connection, &["PING"]).await;
    assert_eq!(connection.written().abs_diff(before), 14);
    // A request that is never polled never leaves.
    drop(connection.send(command(&["PING"])));
    run(&connection, &["PING"]).await;
    assert_eq!(connection.written().abs_diff(before), 28);
}

#[tokio::test]
async fn a_dropped_connection_is_closed_at_once() {
    let redis = TestRedis::start().unwrap();
    let admin = dial(redis.url(), Wanted::Standalone).await.unwrap();
    for protocol in PROTOCOLS {
        let url = speaking(redis.url(), protocol);
        let connection = dial(&url, Wanted::Standalone).await.unwrap();
        let waiting = tokio::spawn(connection.send(command(&["BLPOP", "none", "0"])));
        let ended = connection.ended();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(connection);
        timeout(SOON, ended).await.unwrap();
        assert!(timeout(SOON, waiting).await.unwrap().unwrap().is_err());
        let mut clients = usize::MAX;
        for _ in 0..100 {
            let list = text(&admin, &["CLIENT", "LIST"]).await;
            clients = list.matches(NAME).count();
            if clients == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(clients, 1);
    }
}
