//! What a cluster of a test's own does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a function of a test is a failed test"
)]

use std::net::TcpStream;
use std::time::{Duration, Instant};

use fastlimit_test_redis::{Error, Fault, FaultProxy, TestCluster};

const LONG: Duration = Duration::from_secs(30);

/// Returns the words of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Refused { reply, .. }) => reply,
        other => panic!("{other:?}"),
    }
}

/// Writes a key where its slot is.
fn write(cluster: &TestCluster, key: &str) {
    let node = cluster.node_of_slot(cluster.slot_of(key).unwrap()).unwrap();
    let mut client = cluster.nodes()[node].client().unwrap();
    client.command(&["SET", key, "value"]).unwrap();
}

#[test]
fn the_masters_share_the_slots() {
    let begin = Instant::now();
    let cluster = TestCluster::start(3, 0).unwrap();
    println!("3 masters: {:?}", begin.elapsed());
    assert_eq!(cluster.urls().len(), 3);
    let owners = [0, 5461, 5462, 10922, 10923, 16383].map(|s| cluster.node_of_slot(s).unwrap());
    assert_eq!(owners, [0, 0, 1, 1, 2, 2]);
    // The example of Redis's documentation.
    assert_eq!(cluster.slot_of("123456789").unwrap(), 0x31c3);
    write(&cluster, "key");

    let slot = cluster.slot_of("key").unwrap();
    let owner = cluster.node_of_slot(slot).unwrap();
    let other = (owner + 1) % 3;
    let mut client = cluster.nodes()[other].client().unwrap();
    let moved = refusal(client.command(&["GET", "key"]));
    let addr = cluster.nodes()[owner].addr();
    assert_eq!(moved, format!("MOVED {slot} {addr}"));

    assert_eq!(cluster.commandstats(owner, "set").unwrap(), 1);
    assert_eq!(cluster.commandstats(other, "SET").unwrap(), 0);
    assert!(matches!(
        cluster.commandstats(3, "set"),
        Err(Error::Missing(_))
    ));
}

#[test]
fn a_slot_moves_with_its_keys() {
    let cluster = TestCluster::start(2, 0).unwrap();
    let keys: Vec<_> = (0..250).map(|n| format!("{{tag}}{n}")).collect();
    for key in &keys {
        write(&cluster, key);
    }
    let slot = cluster.slot_of("tag").unwrap();
    let from = cluster.node_of_slot(slot).unwrap();
    let to = 1 - from;

    cluster.begin_move(slot, to).unwrap();
    assert_eq!(cluster.node_of_slot(slot).unwrap(), from);
    let mut old = cluster.nodes()[from].client().unwrap();
    let mut new = cluster.nodes()[to].client().unwrap();
    let addr = cluster.nodes()[to].addr();
    let ask = refusal(old.command(&["GET", "{tag}none"]));
    assert_eq!(ask, format!("ASK {slot} {addr}"));
    assert_eq!(cluster.move_keys(slot, to, 50).unwrap(), 50);
    let moved = |client: &mut fastlimit_test_redis::Client| {
        let count = ["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()];
        client.command(&count).unwrap().integer()
    };
    assert_eq!((moved(&mut old), moved(&mut new)), (Some(200), Some(50)));

    cluster.finish_move(slot, to).unwrap();
    assert_eq!((moved(&mut old), moved(&mut new)), (Some(0), Some(250)));
    assert_eq!(cluster.node_of_slot(slot).unwrap(), to);
    assert!(refusal(old.command(&["GET", "{tag}0"])).starts_with("MOVED"));

    cluster.move_slot(slot, from).unwrap();
    assert_eq!(cluster.node_of_slot(slot).unwrap(), from);
    assert_eq!(moved(&mut old), Some(250));
    assert!(cluster.move_slot(slot, from).is_err());
}

#[test]
fn a_replica_takes_over_for_a_master_that_is_killed() {
    let begin = Instant::now();
    let cluster = TestCluster::start(3, 1).unwrap();
    println!("3 masters with a replica each: {:?}", begin.elapsed());
    for master in 0..3 {
        assert_eq!(cluster.replicas_of(master).unwrap(), [master + 3]);
    }
    cluster.nodes()[0].stop().unwrap();
    assert!(TcpStream::connect(cluster.nodes()[0].addr()).is_err());
    let begin = Instant::now();
    assert_eq!(cluster.wait_for_failover(0, 0, LONG).unwrap(), 3);
    cluster.wait_until_ok(LONG).unwrap();
    println!("failover: {:?}", begin.elapsed());
    cluster.nodes()[0].restart().unwrap();
    let id = cluster.nodes()[0].id();
    let mut client = cluster.nodes()[0].client().unwrap();
    let reply = client.command(&["CLUSTER", "MYID"]).unwrap();
    assert_eq!(reply.text(), Some(id));
}

#[test]
fn a_master_without_replicas_that_is_gone_stops_all_until_it_is_back() {
    let cluster = TestCluster::start(3, 0).unwrap();
    cluster.nodes()[2].stop().unwrap();
    let mut client = cluster.nodes()[0].client().unwrap();
    let deadline = Instant::now() + LONG;
    while client.command(&["GET", "{06S}"]).is_ok() {
        assert!(Instant::now() < deadline);
    }
    let down = refusal(client.command(&["GET", "{06S}"]));
    assert!(down.starts_with("CLUSTERDOWN"), "{down}");
    cluster.nodes()[2].restart().unwrap();
    cluster.wait_until_ok(LONG).unwrap();
    client.command(&["GET", "{06S}"]).unwrap();
}

#[test]
fn a_paused_node_comes_back_by_itself() {
    let cluster = TestCluster::start(3, 0).unwrap();
    cluster.nodes()[1].pause().unwrap();
    assert!(!cluster.nodes()[1].is_running());
    cluster.nodes()[1].resume().unwrap();
    cluster.wait_until_ok(LONG).unwrap();
}

#[test]
fn a_node_is_told_to_clients_by_its_proxy() {
    let cluster = TestCluster::start(2, 0).unwrap();
    let proxy = FaultProxy::start(cluster.nodes()[1].addr()).unwrap();
    cluster.announce(1, proxy.addr()).unwrap();
    let mut client = cluster.nodes()[0].client().unwrap();
    let moved = |client: &mut fastlimit_test_redis::Client| {
        // It hashes to the slot 12182, which the second of two nodes has.
        refusal(client.command(&["GET", "foo"]))
    };
    let told = format!("MOVED 12182 {}", proxy.addr());
    assert_eq!(moved(&mut client), told);
    proxy.set(Fault::Refuse).unwrap();
    assert_eq!(moved(&mut client), told);
    cluster.wait_until_ok(LONG).unwrap();

    // It tells so after a restart as well.
    cluster.nodes()[1].restart().unwrap();
    cluster.wait_until_ok(LONG).unwrap();
    let mut client = cluster.nodes()[1].client().unwrap();
    let slots = client.command(&["CLUSTER", "SLOTS"]).unwrap();
    let ports: Vec<_> = slots
        .items()
        .iter()
        .map(|range| range.items()[2].items()[1].integer())
        .collect();
    assert!(
        ports.contains(&Some(i64::from(proxy.addr().port()))),
        "{ports:?}"
    );
}

#[test]
fn a_cluster_needs_a_master() {
    assert!(matches!(TestCluster::start(0, 1), Err(Error::Missing(_))));
}

#[test]
fn all_nodes_end_with_the_cluster() {
    let cluster = TestCluster::start(1, 1).unwrap();
    let addrs: Vec<_> = cluster.nodes().iter().map(|node| node.addr()).collect();
    drop(cluster);
    for addr in addrs {
        assert!(TcpStream::connect(addr).is_err());
    }
}

#[tokio::test]
async fn a_cluster_can_be_had_inside_a_runtime() {
    let cluster = TestCluster::start(1, 0).unwrap();
    assert_eq!(cluster.node_of_slot(0).unwrap(), 0);
}
