//! A server that is another one's replica.

use std::thread;
use std::time::{Duration, Instant};

use fastlimit_test_redis::{Error, TestRedis};

#[test]
fn a_replica_has_its_masters_data_and_refuses_writes() {
    let master = TestRedis::start().unwrap();
    let replica = TestRedis::start().unwrap();
    let mut to_master = master.client().unwrap();
    to_master.command(&["SET", "before", "1"]).unwrap();
    replica.replicate(&master).unwrap();

    let mut to_replica = replica.client().unwrap();
    let before = to_replica.command(&["GET", "before"]).unwrap();
    assert_eq!(before.text(), Some("1"));
    let error = to_replica.command(&["SET", "key", "1"]).unwrap_err();
    assert!(
        matches!(&error, Error::Refused { reply, .. } if reply.starts_with("READONLY")),
        "{error}"
    );

    to_master.command(&["SET", "after", "2"]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while to_replica.command(&["GET", "after"]).unwrap().text() != Some("2") {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(5));
    }

    to_replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    to_replica.command(&["SET", "key", "1"]).unwrap();
}
