//! The client that has nothing to do with the driver under test.

use std::net::TcpListener;
use std::time::Duration;

use fastlimit_test_redis::{Client, Error, Reply, TestRedis};

#[test]
fn commands_are_answered_by_their_kinds() {
    let redis = TestRedis::start().unwrap();
    let mut client = redis.client().unwrap();
    assert_eq!(client.command(&["PING"]).unwrap().text(), Some("PONG"));
    assert_eq!(client.command(&["GET", "key"]).unwrap(), Reply::Nil);
    let command = [b"SET".as_slice(), b"key", b"\r\n\xff\0"];
    client.command(&command).unwrap();
    assert_eq!(
        client.command(&["GET", "key"]).unwrap(),
        Reply::Bytes(b"\r\n\xff\0".to_vec())
    );
    let both = client.command(&["MGET", "key", "none"]).unwrap();
    assert_eq!(both.items().len(), 2);
    assert_eq!(client.command(&["DEL", "key"]).unwrap().integer(), Some(1));
}

#[test]
fn a_refusal_is_told_without_the_arguments() {
    let redis = TestRedis::start().unwrap();
    let mut client = redis.client().unwrap();
    let error = client.command(&["AUTH", "name", "secret"]).unwrap_err();
    assert!(
        matches!(&error, Error::Refused { reply, .. } if reply.starts_with("WRONGPASS")),
        "{error}"
    );
    assert!(error.to_string().contains("AUTH"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(client.command(&["PING"]).unwrap().text(), Some("PONG"));
}

#[test]
fn a_server_that_is_silent_is_not_waited_for_for_ever() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::connect(silent.local_addr().unwrap()).unwrap();
    client.set_timeout(Duration::from_millis(50)).unwrap();
    let error = client.command(&["PING"]).unwrap_err();
    assert!(matches!(error, Error::NoReply { .. }), "{error}");
}
