use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;

use super::prefix::Ipv6Prefix;
use super::text::ClientText;

/// A client by its address: an IPv4 address, or the prefix of an IPv6 address.
///
/// [`ClientIp`](crate::ClientIp) finds it. From an [`IpAddr`] it is made with a prefix of 64
/// bits, for a hook that knows the address by other means. It may be given as a key.
///
/// ```
/// use fastlimit::ClientAddress;
/// use std::net::IpAddr;
///
/// let client = |address: &str| address.parse::<IpAddr>().map(|ip| ClientAddress::from(ip).to_string());
/// assert_eq!(client("192.0.2.7")?, "192.0.2.7");
/// assert_eq!(client("::ffff:192.0.2.7")?, "192.0.2.7");
/// assert_eq!(client("64:ff9b::192.0.2.7")?, "192.0.2.7");
/// assert_eq!(client("2001:db8:1:2:3:4:5:6")?, "2001:db8:1:2::/64");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(Group);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    V4(Ipv4Addr),
    V6(Ipv6Net),
}

impl ClientAddress {
    pub(super) fn new(address: IpAddr, prefix: Ipv6Prefix) -> Self {
        let v6 = match address {
            IpAddr::V4(v4) => return Self(Group::V4(v4)),
            IpAddr::V6(v6) => v6,
        };
        Self(match v6.to_ipv4_mapped().or_else(|| translated(v6)) {
            Some(v4) => Group::V4(v4),
            None => Group::V6(prefix.group(v6)),
        })
    }

    /// Returns the client as it stands in keys.
    pub(crate) fn text(self) -> ClientText {
        ClientText::new(self)
    }

    pub(super) fn v4(self) -> Option<Ipv4Addr> {
        match self.0 {
            Group::V4(v4) => Some(v4),
            Group::V6(_) => None,
        }
    }
}

/// The IPv4 address that NAT64 shows to IPv6 under its well-known prefix, 64:ff9b::/96.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x0064, 0xff9b, 0, 0, 0, 0, _, _] = address.segments() else {
        return None;
    };
    let [.., a, b, c, d] = address.octets();
    Some(Ipv4Addr::new(a, b, c, d))
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self::new(address, Ipv6Prefix::DEFAULT)
    }
}

impl From<ClientAddress> for String {
    fn from(client: ClientAddress) -> Self {
        client.text().as_str().to_owned()
    }
}

impl fmt::Display for ClientAddress {
    /// Writes the client as it stands in keys: `192.0.2.7`, `2001:db8:1:2::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Group::V4(v4) => v4.fmt(f),
            Group::V6(network) => network.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> String {
        ClientAddress::from(address.parse::<IpAddr>().unwrap()).into()
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_however_it_is_spelled() {
        for spelling in [
            "1.2.3.4",
            "::ffff:1.2.3.4",
            "::ffff:102:304",
            "::FFFF:0102:0304",
            "0:0:0:0:0:ffff:102:304",
            "64:ff9b::1.2.3.4",
            "64:ff9b::102:304",
        ] {
            assert_eq!(client(spelling), "1.2.3.4", "{spelling}");
        }
        assert_ne!(client("::ffff:1.2.3.4"), client("::ffff:1.2.3.5"));
    }

    #[test]
    fn other_embedded_addresses_are_ipv6() {
        assert_eq!(client("::1"), "::/64");
        assert_eq!(client("::1.2.3.4"), "::/64");
        assert_eq!(client("64:ff9b:1::1.2.3.4"), "64:ff9b:1::/64");
        assert_eq!(client("64:ff9b::1:1.2.3.4"), "64:ff9b::/64");
    }

    #[test]
    fn one_prefix_is_one_client() {
        for host in 0..=u16::MAX {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, host, !host, host, 1);
            assert_eq!(
                ClientAddress::from(IpAddr::from(address)),
                ClientAddress::from("2001:db8:1:2::".parse::<IpAddr>().unwrap()),
            );
        }
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
    }

    #[test]
    fn both_ways_to_write_a_client_agree() {
        for octet in 0..=u8::MAX {
            let address = ClientAddress::from(IpAddr::from([octet, 0, 255, !octet]));
            assert_eq!(String::from(address), address.to_string());
        }
        for bits in 1..=128 {
            for address in [
                "::",
                "2001:db8::1",
                "fedc:ba98:fedc:ba98:fedc:ba98:fedc:ba98",
            ] {
                let prefix = Ipv6Prefix::new(bits).unwrap();
                let address = ClientAddress::new(address.parse().unwrap(), prefix);
                assert_eq!(String::from(address), address.to_string());
            }
        }
    }
}
