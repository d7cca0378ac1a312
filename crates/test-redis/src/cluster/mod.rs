//! A cluster of one test alone.

mod formation;
mod node;
mod reshard;
mod view;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

pub use self::node::Node;
use self::view::View;
use crate::info::Info;
use crate::instance::start_all;
use crate::setup::{Role, Setup};
use crate::source::Environment;
use crate::{Client, Error, wait};

/// How long the nodes may take to agree.
const AGREEMENT: Duration = Duration::from_secs(30);

/// What the harness has each node do.
///
/// The timeout is how soon a node counts as failed. A master waits 5 s for further replicas
/// before it sends its data, unless it is told not to.
const ARGS: [&str; 4] = [
    "--cluster-node-timeout",
    "1000",
    "--repl-diskless-sync-delay",
    "0",
];

/// A cluster of server processes, which ends on drop.
///
/// The nodes start as masters and then their replicas: with two replicas for each of three
/// masters, the node 0 is a master whose replicas are the nodes 3 and 4. A failover changes what
/// a node is, and not its index.
///
/// The nodes are processes of the program on this machine, whatever
/// `FASTLIMIT_TEST_REDIS_SOURCE` forces but `url`: clients reach a container by another address
/// than the other nodes do.
pub struct TestCluster {
    nodes: Vec<Node>,
}

impl TestCluster {
    /// Starts a cluster and waits until all of its slots are served.
    ///
    /// # Errors
    ///
    /// Fails when there is no program to start, when a node does not start, or when the nodes do
    /// not find together.
    pub fn start(masters: usize, replicas_per_master: usize) -> Result<Self, Error> {
        Self::start_with(masters, replicas_per_master, &[])
    }

    /// Starts a cluster whose nodes have further arguments, which win over the harness's.
    ///
    /// # Errors
    ///
    /// Fails as [`TestCluster::start`] does.
    pub fn start_with(
        masters: usize,
        replicas_per_master: usize,
        args: &[&str],
    ) -> Result<Self, Error> {
        if masters == 0 {
            return Err(Error::Missing("cluster without a master".to_owned()));
        }
        let program = Environment::of_process().own_program()?;
        let args = [ARGS.as_slice(), args].concat();
        let setups = (0..masters + masters * replicas_per_master)
            .map(|_| Setup::new(program.clone(), Role::ClusterNode, &args))
            .collect::<Result<_, _>>()?;
        let nodes = start_all(setups)?
            .into_iter()
            .map(Node::new)
            .collect::<Result<Vec<_>, _>>()?;
        formation::form(&nodes, masters, replicas_per_master)?;
        Ok(Self { nodes })
    }

    /// Returns the URLs of all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| node.url().to_owned())
            .collect()
    }

    /// Returns all nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the slot of a key, by the server's own reckoning.
    ///
    /// # Errors
    ///
    /// Fails when no node answers.
    pub fn slot_of(&self, key: impl AsRef<[u8]>) -> Result<u16, Error> {
        let reply = self
            .any()?
            .command(&[b"CLUSTER".as_slice(), b"KEYSLOT", key.as_ref()])?;
        reply
            .integer()
            .and_then(|slot| u16::try_from(slot).ok())
            .ok_or_else(|| Error::Missing("slot of the key".to_owned()))
    }

    /// Returns the index of the master that serves a slot, as the first node that runs sees it.
    ///
    /// # Errors
    ///
    /// Fails when no node answers, or when nobody serves the slot.
    pub fn node_of_slot(&self, slot: u16) -> Result<usize, Error> {
        let view = View::of(&mut self.any()?)?;
        view.owner(slot)
            .and_then(|owner| self.nodes.iter().position(|node| node.id() == owner))
            .ok_or_else(|| Error::Missing(format!("node that serves the slot {slot}")))
    }

    /// Returns the indexes of a node's replicas, as the first node that runs sees them.
    ///
    /// # Errors
    ///
    /// Fails when no node answers, or when there is no such node.
    pub fn replicas_of(&self, index: usize) -> Result<Vec<usize>, Error> {
        let id = self.node(index)?.id();
        let view = View::of(&mut self.any()?)?;
        Ok(self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| view.master_of(node.id()) == Some(id))
            .map(|(index, _)| index)
            .collect())
    }

    /// Returns how often a node was called with a command, such as `evalsha`.
    ///
    /// A restart begins anew, and `CONFIG RESETSTAT` does.
    ///
    /// # Errors
    ///
    /// Fails when the node does not answer, or when there is no such node.
    pub fn commandstats(&self, index: usize, command: &str) -> Result<u64, Error> {
        let mut client = self.node(index)?.client()?;
        Ok(Info::of(&mut client, "commandstats")?.calls(command))
    }

    /// Has a node tell clients and the other nodes another address for it, such as that of a
    /// [`FaultProxy`](crate::FaultProxy), and waits until all nodes that run tell it.
    ///
    /// The address must be of the loopback. The node's replicas are then connected by it too.
    ///
    /// # Errors
    ///
    /// Fails when a node does not answer or does not learn it, or when there is no such node.
    pub fn announce(&self, index: usize, addr: SocketAddr) -> Result<(), Error> {
        let node = self.node(index)?;
        let port = addr.port().to_string();
        node.set(&["CONFIG", "SET", "cluster-announce-port", &port])?;
        wait::until("all nodes tell the new address", AGREEMENT, || {
            self.running().try_for_each(|other| {
                let view = View::of(&mut other.client()?)?;
                if view.port_of(node.id()) == Some(addr.port()) {
                    Ok(())
                } else {
                    let other = other.addr();
                    Err(Error::Missing(format!("{addr} in the nodes of {other}")))
                }
            })
        })
    }

    /// Waits until all nodes that run say that the cluster is well.
    ///
    /// # Errors
    ///
    /// Fails when it is not in time.
    pub fn wait_until_ok(&self, within: Duration) -> Result<(), Error> {
        wait::until("all nodes say that the cluster is well", within, || {
            self.running().try_for_each(|node| {
                Info::of_cluster(&mut node.client()?)?.require("cluster_state", "ok")
            })
        })
    }

    /// Waits until another node than the one given serves a slot, in the eyes of all nodes that
    /// run, and returns its index.
    ///
    /// # Errors
    ///
    /// Fails when none does in time.
    pub fn wait_for_failover(
        &self,
        slot: u16,
        from: usize,
        within: Duration,
    ) -> Result<usize, Error> {
        let old = self.node(from)?.id();
        wait::until("another node serves the slot", within, || {
            let owner = self.node_of_slot(slot)?;
            let new = self.node(owner)?.id();
            if new == old {
                return Err(Error::Missing(format!("failover of the slot {slot}")));
            }
            self.all_see(slot, new)?;
            Ok(owner)
        })
    }

    /// Fails unless all nodes that run see the same node serve a slot.
    fn all_see(&self, slot: u16, owner: &str) -> Result<(), Error> {
        self.running().try_for_each(|node| {
            let view = View::of(&mut node.client()?)?;
            if view.owner(slot) == Some(owner) {
                Ok(())
            } else {
                let addr = node.addr();
                Err(Error::Missing(format!(
                    "news of the slot {slot}'s node at {addr}"
                )))
            }
        })
    }

    fn node(&self, index: usize) -> Result<&Node, Error> {
        self.nodes
            .get(index)
            .ok_or_else(|| Error::Missing(format!("node {index} of {}", self.nodes.len())))
    }

    fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_running())
    }

    /// Connects to the first node that runs.
    fn any(&self) -> Result<Client, Error> {
        self.running()
            .next()
            .ok_or_else(|| Error::Missing("node that runs".to_owned()))?
            .client()
    }
}

impl fmt::Debug for TestCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCluster")
            .field("nodes", &self.nodes)
            .finish()
    }
}
