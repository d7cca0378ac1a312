//! What one node knows of the others.

use crate::{Client, Error};

/// How many slots there are.
pub(super) const SLOTS: u16 = 16_384;

/// The nodes that a node knows.
pub(super) struct View(Vec<Peer>);

/// A node as another one knows it.
struct Peer {
    id: String,
    port: Option<u16>,
    flags: Vec<String>,
    master: Option<String>,
    slots: Vec<(u16, u16)>,
}

impl View {
    /// Asks a node.
    pub(super) fn of(client: &mut Client) -> Result<Self, Error> {
        let reply = client.command(&["CLUSTER", "NODES"])?;
        let text = reply.text().unwrap_or_default();
        Ok(Self(text.lines().filter_map(Peer::parse).collect()))
    }

    /// Returns the identity of the master that serves a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&str> {
        self.0
            .iter()
            .find(|peer| {
                let mut ranges = peer.slots.iter();
                ranges.any(|&(first, last)| (first..=last).contains(&slot))
            })
            .map(|peer| peer.id.as_str())
    }

    /// Returns the identity of the master whose replica a node is.
    pub(super) fn master_of(&self, id: &str) -> Option<&str> {
        self.peer(id)?.master.as_deref()
    }

    /// Returns the port for clients that a node tells.
    pub(super) fn port_of(&self, id: &str) -> Option<u16> {
        self.peer(id)?.port
    }

    /// Returns how many nodes are known and counted as well.
    pub(super) fn well(&self) -> usize {
        self.0.iter().filter(|peer| peer.is_well()).count()
    }

    fn peer(&self, id: &str) -> Option<&Peer> {
        self.0.iter().find(|peer| peer.id == id)
    }
}

impl Peer {
    /// Takes a line of `CLUSTER NODES` apart.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let id = words.next()?.to_owned();
        let address = words.next()?.split('@').next()?;
        let port = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        let flags = words.next()?.split(',').map(str::to_owned).collect();
        let master = words.next().filter(|&id| id != "-").map(str::to_owned);
        // The two times of the heartbeat, the epoch and the state of the link come before.
        let slots = words.skip(4).filter_map(range).collect();
        Some(Self {
            id,
            port,
            flags,
            master,
            slots,
        })
    }

    fn is_well(&self) -> bool {
        const ILL: [&str; 4] = ["fail?", "fail", "handshake", "noaddr"];
        !self.flags.iter().any(|flag| ILL.contains(&flag.as_str()))
    }
}

/// Reads a slot or a range of slots; one that moves is in brackets, and listed besides.
fn range(word: &str) -> Option<(u16, u16)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 3] = [
        "aa 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 150 [99->-bb]",
        "bb 127.0.0.1:7001@17001,name master - 0 1 2 connected 100-149",
        "cc 127.0.0.1:7002@17002 slave,fail? aa 0 1 1 disconnected",
    ];

    #[test]
    fn a_view_is_read() {
        let view = View(LINES.iter().filter_map(|line| Peer::parse(line)).collect());
        assert_eq!(view.owner(99), Some("aa"));
        assert_eq!(view.owner(150), Some("aa"));
        assert_eq!(view.owner(149), Some("bb"));
        assert_eq!(view.owner(151), None);
        assert_eq!(view.master_of("cc"), Some("aa"));
        assert_eq!(view.master_of("bb"), None);
        assert_eq!(view.port_of("bb"), Some(7001));
        assert_eq!(view.well(), 2);
    }
}
