//! Makes a cluster of nodes that do not know each other.

use super::AGREEMENT;
use super::node::Node;
use super::view::{SLOTS, View};
use crate::info::Info;
use crate::{Error, wait};

/// Gives out the slots, joins the nodes and waits until all of them agree.
pub(super) fn form(
    nodes: &[Node],
    master_count: usize,
    replicas_per_master: usize,
) -> Result<(), Error> {
    let (masters, replicas) = nodes.split_at_checked(master_count).unwrap_or((nodes, &[]));
    for (index, node) in masters.iter().enumerate() {
        give_slots(node, index, master_count)?;
    }
    meet(nodes)?;
    for (index, replica) in replicas.iter().enumerate() {
        let master = index
            .checked_div(replicas_per_master)
            .and_then(|index| masters.get(index));
        if let Some(master) = master {
            follow(replica, master)?;
        }
    }
    wait::until("the nodes are a cluster", AGREEMENT, || {
        nodes.iter().try_for_each(|node| agrees(node, nodes))?;
        replicas.iter().try_for_each(is_in_step)
    })
}

/// Gives a master its share of the slots, and an epoch that no other one has.
fn give_slots(node: &Node, index: usize, master_count: usize) -> Result<(), Error> {
    let mut client = node.client()?;
    let epoch = (index + 1).to_string();
    client.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
    let share = (0..SLOTS)
        .filter(|&slot| usize::from(slot) * master_count / usize::from(SLOTS) == index)
        .map(|slot| slot.to_string());
    let command: Vec<_> = ["CLUSTER", "ADDSLOTS"]
        .map(str::to_owned)
        .into_iter()
        .chain(share)
        .collect();
    client.command(&command).map(drop)
}

/// Has each node meet all those before it, which is sooner done than news spread.
fn meet(nodes: &[Node]) -> Result<(), Error> {
    for (index, node) in nodes.iter().enumerate() {
        let mut client = node.client()?;
        for other in nodes.iter().take(index) {
            let addr = other.addr();
            let (host, port) = (addr.ip().to_string(), addr.port().to_string());
            client.command(&["CLUSTER", "MEET", &host, &port])?;
        }
    }
    Ok(())
}

/// Makes a node a replica, as soon as it knows its master.
fn follow(node: &Node, master: &Node) -> Result<(), Error> {
    let mut client = node.client()?;
    wait::until("a replica knows its master", AGREEMENT, || {
        client
            .command(&["CLUSTER", "REPLICATE", master.id()])
            .map(drop)
    })
}

/// Fails unless a node knows all the others and finds all well.
fn agrees(node: &Node, nodes: &[Node]) -> Result<(), Error> {
    let mut client = node.client()?;
    let info = Info::of_cluster(&mut client)?;
    info.require("cluster_state", "ok")?;
    info.require("cluster_slots_ok", &SLOTS.to_string())?;
    info.require("cluster_known_nodes", &nodes.len().to_string())?;
    let view = View::of(&mut client)?;
    if view.well() != nodes.len() {
        let (well, addr) = (view.well(), node.addr());
        return Err(Error::Missing(format!(
            "more than {well} nodes that are well in the eyes of {addr}"
        )));
    }
    // A replica is known as such a little later than it is one.
    for other in nodes {
        let mut itself = other.client()?;
        let own = View::of(&mut itself)?;
        if own.master_of(other.id()) != view.master_of(other.id()) {
            let (other, addr) = (other.addr(), node.addr());
            return Err(Error::Missing(format!("news of {other}'s role at {addr}")));
        }
    }
    Ok(())
}

/// Fails unless a replica has all of its master's data.
fn is_in_step(node: &Node) -> Result<(), Error> {
    Info::of(&mut node.client()?, "replication")?.require("master_link_status", "up")
}
