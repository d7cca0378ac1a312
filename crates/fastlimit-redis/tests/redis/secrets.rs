//! Passwords and identifiers are shown nowhere, and what cannot be connected to is named.

use std::error::Error;
use std::time::{Duration, Instant};

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Limit, StoreErrorKind};
use fastlimit_redis::{ConnectError, RedisStore};
use fastlimit_test_redis::TestRedis;

use crate::fake_server::{Act, FakeServer};
use crate::rig::apply;

const PASSWORD: &str = "hunter2-@:/%";
const ENCODED: &str = "hunter2-%40%3A%2F%25";

/// All texts of an error and of its causes.
fn texts(error: &dyn Error) -> String {
    let mut all = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        all.push_str(&format!("{error}\n{error:?}\n{error:#?}\n"));
        next = error.source();
    }
    all
}

fn assert_no_secret(text: &str) {
    assert!(!text.contains("hunter2"), "{text}");
}

/// An address at which nothing listens.
fn dead_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_dead_address_is_named_at_once() {
    let address = dead_address();
    let began = Instant::now();
    let url = format!("redis://ada:{ENCODED}@{address}/3");
    let error = RedisStore::connect(url).await.unwrap_err();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    let text = texts(&error);
    assert!(
        error
            .to_string()
            .contains(&format!("redis://ada:***@{address}/3")),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
    assert_no_secret(&text);
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_named_within_the_timeout() {
    // It accepts, since the system does that for it, and never says a word.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let began = Instant::now();
    let error = RedisStore::builder(format!("redis://:{ENCODED}@{address}"))
        .connect_timeout(Duration::from_millis(150))
        .connect()
        .await
        .unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert!(
        began.elapsed() < Duration::from_millis(600),
        "{:?}",
        began.elapsed()
    );
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
    let text = format!("cannot connect to redis://:***@{address}: not connected within 150 ms");
    assert!(error.to_string().starts_with(&text), "{error}");
    assert_no_secret(&texts(&error));
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_named() {
    let error = RedisStore::connect("redis://nowhere.invalid:7000")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("redis://nowhere.invalid:7000"),
        "{error}"
    );
}

#[tokio::test]
async fn a_socket_that_does_not_exist_is_named() {
    let url = format!("unix:///nowhere/redis.sock?pass={ENCODED}");
    let error = RedisStore::connect(url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("redis+unix:///nowhere/redis.sock"),
        "{error}"
    );
    assert_no_secret(&texts(&error));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let redis = TestRedis::start_with(&["--requirepass", "right"]).unwrap();
    for user in ["", "default", "ada"] {
        for protocol in ["resp2", "resp3"] {
            let address = redis.addr();
            let url = format!("redis://{user}:{ENCODED}@{address}?protocol={protocol}");
            let error = RedisStore::connect(url).await.unwrap_err();
            assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
            let text = texts(&error);
            assert!(
                text.contains(&format!("redis://{user}:***@{address}")),
                "{text}"
            );
            assert_no_secret(&text);
        }
    }
    let error = RedisStore::connect(redis.url()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("NOAUTH"), "{error}");
}

#[tokio::test]
async fn the_right_password_is_not_shown_either() {
    let redis = TestRedis::start_with(&["--requirepass", PASSWORD]).unwrap();
    let url = format!("redis://:{ENCODED}@{}/2", redis.addr());
    let builder = RedisStore::builder(url);
    assert_no_secret(&format!("{builder:?} {builder:#?}"));
    let store = builder.connect().await.unwrap();
    assert_no_secret(&format!("{store:?} {store:#?}"));
    let shown = format!("redis://:***@{}/2", redis.addr());
    assert!(format!("{store:?}").contains(&shown), "{store:?}");

    let limit: Limit = "5/second".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let check = Operation::Check(Cost::ONE);
    assert!(apply(&store, key, limit, check).await.unwrap().is_allowed());
    redis.stop().unwrap();
    for _ in 0..3 {
        let error = apply(&store, key, limit, check).await.unwrap_err();
        assert_no_secret(&texts(&error));
        assert!(error.to_string().contains(&shown), "{error}");
    }
}

#[tokio::test]
async fn a_password_that_is_changed_is_a_misconfiguration() {
    let redis = TestRedis::start_with(&["--requirepass", PASSWORD]).unwrap();
    let url = format!("redis://:{ENCODED}@{}", redis.addr());
    let store = RedisStore::connect(url.as_str()).await.unwrap();
    let mut admin = crate::rig::connection(&url).await;
    let mut change = redis::cmd("CONFIG");
    change.arg(&["SET", "requirepass", "other"]);
    let () = change.query_async(&mut admin).await.unwrap();
    let mut kill = redis::cmd("CLIENT");
    kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let _: i64 = kill.query_async(&mut admin).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let limit: Limit = "5/second".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let error = apply(&store, key, limit, Operation::Check(Cost::ONE))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
    assert_no_secret(&texts(&error));
}

#[tokio::test]
async fn a_server_that_repeats_the_password_is_not_repeated() {
    let reply = b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2-@:/%' \r\n";
    let server = FakeServer::start_with(reply, |_| Act::Reply(Vec::new())).await;
    for protocol in ["resp2", "resp3"] {
        let url = format!("redis://:{ENCODED}@{}?protocol={protocol}", server.addr);
        let error = RedisStore::connect(url).await.unwrap_err();
        assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
        assert_no_secret(&texts(&error));
    }
}

#[tokio::test]
async fn settings_without_sense_are_refused() {
    let zero = Duration::ZERO;
    for (builder, text) in [
        (
            RedisStore::builder("redis://host").connections(0),
            "connections must be at least 1",
        ),
        (
            RedisStore::builder("redis://host").connect_timeout(zero),
            "connect_timeout must be longer than zero",
        ),
        (
            RedisStore::builder("redis://host").response_timeout(zero),
            "response_timeout must be longer than zero",
        ),
    ] {
        assert_eq!(builder.connect().await.unwrap_err().to_string(), text);
    }
}

#[cfg(feature = "tls-rustls")]
#[tokio::test]
async fn tls_with_a_server_that_has_none_is_an_error() {
    let redis = TestRedis::shared().unwrap();
    let url = format!("rediss://:{ENCODED}@{}", redis.addr());
    let error = RedisStore::connect(url).await.unwrap_err();
    assert!(
        error.to_string().contains("rediss://:***@127.0.0.1"),
        "{error}"
    );
    assert_no_secret(&texts(&error));
}

#[tokio::test]
async fn what_a_server_repeats_of_a_key_is_left_out() {
    // As Redis says it of a command that was renamed, at most 128 bytes of the arguments.
    let reply = "-ERR unknown command 'EVALSHA', with args beginning with: 'f00d' '1' \
                 'fl:api::sk-live-hunt\r\n";
    let server = FakeServer::start(|_| Act::Reply(reply.into())).await;
    let store = RedisStore::connect(format!("redis://{}", server.addr))
        .await
        .unwrap();
    let limit: Limit = "5/second".parse().unwrap();
    let key = Key::new("fl", "api", "default", "sk-live-hunter2");
    let error = apply(&store, key, limit, Operation::Check(Cost::ONE))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
    let text = texts(&error);
    assert!(text.contains("unknown command 'EVALSHA'"), "{text}");
    assert!(!text.contains("sk-live"), "{text}");
}
