//! A node of a cluster.

use std::ops::Deref;

use crate::Error;
use crate::instance::Instance;

/// A node of a [`TestCluster`](crate::TestCluster), which a test may stop and pause.
#[derive(Debug)]
pub struct Node {
    instance: Instance,
    id: String,
}

impl Node {
    /// Asks a server for its identity.
    pub(super) fn new(instance: Instance) -> Result<Self, Error> {
        let reply = instance.client()?.command(&["CLUSTER", "MYID"])?;
        let id = reply.text().unwrap_or_default().to_owned();
        Ok(Self { instance, id })
    }

    /// Returns the node's identity, which a restart keeps.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Deref for Node {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}
