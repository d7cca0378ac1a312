//! Moves a slot from one node to another while both serve.

use super::{AGREEMENT, Node, TestCluster};
use crate::{Client, Error, Reply, wait};

/// How many keys move at a time.
const PORTION: usize = 100;

/// How many milliseconds a portion may take to move.
const PATIENCE: &str = "5000";

impl TestCluster {
    /// Moves a slot with its keys to another master, while both serve it.
    ///
    /// # Errors
    ///
    /// Fails when a node does not answer or refuses, such as to move a slot to where it is.
    pub fn move_slot(&self, slot: u16, to: usize) -> Result<(), Error> {
        self.begin_move(slot, to)?;
        self.finish_move(slot, to)
    }

    /// Begins to move a slot: from now on the keys that it has are with the old node, which
    /// answers `ASK` for those that it has not.
    ///
    /// # Errors
    ///
    /// Fails as [`TestCluster::move_slot`] does.
    pub fn begin_move(&self, slot: u16, to: usize) -> Result<(), Error> {
        let from = self.node(self.node_of_slot(slot)?)?;
        let to = self.node(to)?;
        // In this order nobody is sent to a node that would send it back.
        set_slot(&mut to.client()?, slot, "IMPORTING", from.id())?;
        set_slot(&mut from.client()?, slot, "MIGRATING", to.id())
    }

    /// Moves some keys of a slot whose move has begun, and returns how many.
    ///
    /// None are left in the old node once it returns 0.
    ///
    /// # Errors
    ///
    /// Fails as [`TestCluster::move_slot`] does.
    pub fn move_keys(&self, slot: u16, to: usize, at_most: usize) -> Result<usize, Error> {
        let from = self.node(self.node_of_slot(slot)?)?;
        move_portion(&mut from.client()?, slot, self.node(to)?, at_most)
    }

    /// Finishes what [`TestCluster::begin_move`] has begun, and waits until all nodes that run
    /// know where the slot is.
    ///
    /// # Errors
    ///
    /// Fails as [`TestCluster::move_slot`] does.
    pub fn finish_move(&self, slot: u16, to: usize) -> Result<(), Error> {
        let from = self.node(self.node_of_slot(slot)?)?;
        let to = self.node(to)?;
        let mut old = from.client()?;
        while move_portion(&mut old, slot, to, PORTION)? > 0 {}
        // The new node first, since the old one sends clients there from then on.
        set_slot(&mut to.client()?, slot, "NODE", to.id())?;
        set_slot(&mut old, slot, "NODE", to.id())?;
        wait::until("all nodes know where the slot is", AGREEMENT, || {
            self.all_see(slot, to.id())
        })
    }
}

fn set_slot(client: &mut Client, slot: u16, state: &str, node: &str) -> Result<(), Error> {
    client
        .command(&["CLUSTER", "SETSLOT", &slot.to_string(), state, node])
        .map(drop)
}

/// Moves at most so many keys, and returns how many.
fn move_portion(from: &mut Client, slot: u16, to: &Node, at_most: usize) -> Result<usize, Error> {
    let (slot, count) = (slot.to_string(), at_most.to_string());
    let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", &slot, &count])?;
    let keys: Vec<&[u8]> = keys
        .items()
        .iter()
        .filter_map(|key| match key {
            Reply::Bytes(key) => Some(key.as_slice()),
            _ => None,
        })
        .collect();
    if keys.is_empty() {
        return Ok(0);
    }
    let addr = to.addr();
    let (host, port) = (addr.ip().to_string(), addr.port().to_string());
    let head = ["MIGRATE", &host, &port, "", "0", PATIENCE, "KEYS"];
    let command: Vec<_> = head
        .iter()
        .map(|word| word.as_bytes())
        .chain(keys.iter().copied())
        .collect();
    from.command(&command)?;
    Ok(keys.len())
}
