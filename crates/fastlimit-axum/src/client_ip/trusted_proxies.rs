use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

/// The networks of proxies that a [`ClientIp`](crate::ClientIp) believes.
///
/// It is parsed from networks (CIDR) and addresses with commas between them, as they stand in a
/// configuration.
///
/// ```
/// use fastlimit::TrustedProxies;
///
/// let ours = TrustedProxies::private();
/// let cdn: TrustedProxies = "203.0.113.0/24, 198.51.100.7, 2001:db8:cd::/48".parse()?;
/// let trusted = ours.and(&cdn);
///
/// let error = "10.0.0.0/33".parse::<TrustedProxies>().unwrap_err();
/// assert!(error.to_string().starts_with("`10.0.0.0/33` is no network"));
/// # Ok::<(), fastlimit::InvalidNetwork>(())
/// ```
#[doc(alias = "cidr")]
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no network; `10.0.0.0/8`, `2001:db8::/32` and `192.0.2.7` are, with commas between several"
)]
pub struct InvalidNetwork(String);

/// Addresses that no client on the internet has.
static PRIVATE: [IpNet; 9] = [
    // RFC 1918.
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    // Shared by a provider's customers or a cloud's load balancers, RFC 6598.
    v4([100, 64, 0, 0], 10),
    // Loopback.
    v4([127, 0, 0, 0], 8),
    v6(Ipv6Addr::LOCALHOST, 128),
    // Link-local.
    v4([169, 254, 0, 0], 16),
    v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    // Unique local, RFC 4193.
    v6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
];

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits))
}

const fn v6(address: Ipv6Addr, bits: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(address, bits))
}

impl TrustedProxies {
    /// Trusts these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().map(unmapped).collect())
    }

    /// Trusts the private networks: RFC 1918, RFC 6598 (100.64.0.0/10), unique local IPv6,
    /// link-local and loopback.
    ///
    /// Right where whoever has such an address is a proxy of yours, as in a cluster with one
    /// ingress. Where clients have such addresses too, name the proxies instead.
    #[must_use]
    pub fn private() -> Self {
        Self(PRIVATE.into())
    }

    /// Trusts these networks and the others.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self(self.0.iter().chain(&*others.0).copied().collect())
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        any_contains(&self.0, address)
    }
}

/// Tells whether an address is a private one, see [`TrustedProxies::private`].
pub(super) fn is_private(address: IpAddr) -> bool {
    any_contains(&PRIVATE, address)
}

fn any_contains(networks: &[IpNet], address: IpAddr) -> bool {
    // An IPv4 address is one also where a socket for both shows it in IPv6.
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Returns a network of mapped addresses as what it is, one of IPv4.
fn unmapped(network: IpNet) -> IpNet {
    let v4 = || {
        let IpAddr::V4(v4) = network.addr().to_canonical() else {
            return None;
        };
        let bits = network.prefix_len().checked_sub(96)?;
        Ipv4Net::new(v4, bits).ok()
    };
    match network {
        IpNet::V4(_) => network,
        IpNet::V6(_) => v4().map_or(network, IpNet::V4),
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let networks = text.split(',').map(str::trim).map(|text| {
            let network = text.parse().ok();
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            network
                .or_else(address)
                .ok_or_else(|| InvalidNetwork(text.to_owned()))
        });
        networks.collect::<Result<Vec<_>, _>>().map(Self::new)
    }
}

impl fmt::Debug for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(networks: &TrustedProxies, address: &str) -> bool {
        networks.contains(address.parse().unwrap())
    }

    #[test]
    fn private_networks_end_where_they_end() {
        let private = TrustedProxies::private();
        let inside = [
            "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255",
            "100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.0 169.254.255.255",
            "::1 fe80::1 febf:ffff::1 fc00:: fdff:ffff:: ::ffff:10.0.0.1",
        ];
        for address in inside.iter().flat_map(|line| line.split(' ')) {
            assert!(trusts(&private, address), "{address}");
        }
        let outside = [
            "9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0",
            "100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0",
            ":: ::2 fe7f:ffff::1 fec0:: fbff:ffff:: fe00:: 2001:db8::1 64:ff9b::10.0.0.1",
        ];
        for address in outside.iter().flat_map(|line| line.split(' ')) {
            assert!(!trusts(&private, address), "{address}");
        }
    }

    #[test]
    fn texts_are_networks_or_addresses() {
        let trusted: TrustedProxies = " 203.0.113.64/26,198.51.100.7 ,2001:db8:cd::/48,2001:db8::9"
            .parse()
            .unwrap();
        for inside in [
            "203.0.113.64",
            "203.0.113.127",
            "198.51.100.7",
            "2001:db8:cd:ff::1",
        ] {
            assert!(trusts(&trusted, inside), "{inside}");
        }
        for outside in [
            "203.0.113.63",
            "203.0.113.128",
            "198.51.100.8",
            "2001:db8::8",
        ] {
            assert!(!trusts(&trusted, outside), "{outside}");
        }
        for wrong in [
            "",
            ",",
            "10.0.0.0/8,",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0/8",
            "proxy",
            "10.0.0.1:80",
            "[::1]",
            "fe80::1%eth0",
        ] {
            assert!(wrong.parse::<TrustedProxies>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_network_of_mapped_addresses_is_one_of_ipv4() {
        let mapped: TrustedProxies = "::ffff:10.1.0.0/112".parse().unwrap();
        assert!(trusts(&mapped, "10.1.255.1"));
        assert!(trusts(&mapped, "::ffff:10.1.255.1"));
        assert!(!trusts(&mapped, "10.2.0.1"));
        // A network that holds all of IPv6 holds none of IPv4.
        let all: TrustedProxies = "::/0".parse().unwrap();
        assert!(trusts(&all, "2001:db8::1"));
        assert!(!trusts(&all, "::ffff:10.0.0.1"));
    }

    #[test]
    fn both_of_two_sets_are_trusted() {
        let other = "203.0.113.0/24".parse().unwrap();
        let both = TrustedProxies::private().and(&other);
        assert!(trusts(&both, "203.0.113.9"));
        assert!(trusts(&both, "10.0.0.1"));
        assert!(!trusts(&TrustedProxies::new([]).and(&other), "10.0.0.1"));
    }
}
