//! From the connection back to the client, one sender after the other.

use std::net::IpAddr;

use super::trusted_proxies::TrustedProxies;

/// Which senders are proxies of ours.
#[derive(Clone, Debug, Default)]
pub(super) enum Trust {
    #[default]
    Nobody,
    /// Those in these networks.
    Networks(TrustedProxies),
    /// The first so many, the peer among them.
    Hops(usize),
}

impl Trust {
    /// Tells whether to believe a sender about who sent to it. The peer is hop 0.
    #[inline]
    pub(super) fn trusts(&self, hop: usize, sender: IpAddr) -> bool {
        match self {
            Self::Nobody => false,
            Self::Networks(proxies) => proxies.contains(sender),
            Self::Hops(proxies) => hop < *proxies,
        }
    }
}

/// Returns the first sender that is not trusted, else the last that is known.
///
/// `senders` are those before the peer, the nearest first; `None` is one that a header does not
/// tell, and what is behind that one is not looked at.
pub(super) fn client(
    trust: &Trust,
    peer: IpAddr,
    mut senders: impl Iterator<Item = Option<IpAddr>>,
) -> IpAddr {
    let mut client = peer;
    let mut hop = 0_usize;
    while trust.trusts(hop, client) {
        let Some(sender) = senders.next().flatten() else {
            break;
        };
        client = sender;
        hop = hop.saturating_add(1);
    }
    client
}
