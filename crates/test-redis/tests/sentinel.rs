//! What sentinels of a test's own do.

#![allow(
    clippy::unwrap_used,
    reason = "a panic in a function of a test is a failed test"
)]

use std::net::TcpStream;
use std::time::{Duration, Instant};

use fastlimit_test_redis::{Instance, TestSentinels};

const LONG: Duration = Duration::from_secs(40);

fn role(server: &Instance) -> String {
    let reply = server.client().unwrap().command(&["ROLE"]).unwrap();
    reply.items()[0].text().unwrap().to_owned()
}

#[test]
fn the_sentinels_agree_on_the_first_server() {
    let begin = Instant::now();
    let group = TestSentinels::start(2, 3).unwrap();
    println!("2 replicas and 3 sentinels: {:?}", begin.elapsed());
    assert_eq!(group.name(), "mymaster");
    assert_eq!(group.urls().len(), 3);
    assert_eq!(group.servers().len(), 3);
    assert_eq!(group.master().unwrap(), 0);
    let roles: Vec<_> = group.servers().iter().map(role).collect();
    assert_eq!(roles, ["master", "slave", "slave"]);
    group.wait_for_replicas(2, LONG).unwrap();
}

#[test]
fn a_master_that_is_killed_is_replaced_and_comes_back_as_a_replica() {
    let group = TestSentinels::start(2, 3).unwrap();
    let begin = Instant::now();
    group.servers()[0].stop().unwrap();
    let new = group.wait_for_new_master(0, LONG).unwrap();
    println!("failover after a kill: {:?}", begin.elapsed());
    assert_ne!(new, 0);
    assert_eq!(group.master().unwrap(), new);
    assert_eq!(role(&group.servers()[new]), "master");
    group.wait_for_replicas(1, LONG).unwrap();
    group.servers()[0].restart().unwrap();
    group.wait_for_replicas(2, LONG).unwrap();
    assert_eq!(role(&group.servers()[0]), "slave");
}

#[test]
fn a_master_that_hangs_is_replaced() {
    let group = TestSentinels::start(1, 3).unwrap();
    group.servers()[0].pause().unwrap();
    assert_eq!(group.wait_for_new_master(0, LONG).unwrap(), 1);
    group.servers()[0].resume().unwrap();
    group.wait_for_replicas(1, LONG).unwrap();
}

#[test]
fn a_failover_can_be_asked_for_again_and_again() {
    let group = TestSentinels::start(1, 3).unwrap();
    for round in 0..3 {
        let begin = Instant::now();
        let old = group.master().unwrap();
        let new = group.failover().unwrap();
        println!("failover {round}: {:?}", begin.elapsed());
        assert_eq!(new, 1 - old);
        group.wait_for_replicas(1, LONG).unwrap();
    }
}

#[test]
fn a_sentinel_that_is_gone_is_not_asked() {
    let group = TestSentinels::start(1, 3).unwrap();
    group.sentinels()[0].stop().unwrap();
    assert_eq!(group.master().unwrap(), 0);
    group.servers()[0].stop().unwrap();
    assert_eq!(group.wait_for_new_master(0, LONG).unwrap(), 1);
    group.sentinels()[0].restart().unwrap();
    // It hears from the others what happened in the meantime.
    group.wait_for_new_master(0, LONG).unwrap();
}

#[test]
fn a_replica_that_starts_again_is_still_one() {
    let group = TestSentinels::start(1, 1).unwrap();
    group.servers()[1].restart().unwrap();
    assert_eq!(role(&group.servers()[1]), "slave");
    group.wait_for_replicas(1, LONG).unwrap();
    assert_eq!(group.master().unwrap(), 0);
}

#[test]
fn all_end_with_the_group() {
    let group = TestSentinels::start(1, 1).unwrap();
    let all = group.servers().iter().chain(group.sentinels());
    let addrs: Vec<_> = all.map(Instance::addr).collect();
    drop(group);
    for addr in addrs {
        assert!(TcpStream::connect(addr).is_err());
    }
}
