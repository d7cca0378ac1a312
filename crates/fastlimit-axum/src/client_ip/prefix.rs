use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use thiserror::Error;

/// How many bits of an IPv6 address tell clients apart: 1 to 128.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ipv6Prefix(u8);

/// A length of an IPv6 prefix that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no IPv6 prefix has {0} bits; one has 1 to 128, such as 56")]
pub struct InvalidIpv6Prefix(u8);

impl Ipv6Prefix {
    pub(super) const DEFAULT: Self = Self(64);

    pub(super) fn new(bits: u8) -> Result<Self, InvalidIpv6Prefix> {
        match bits {
            1..=128 => Ok(Self(bits)),
            _ => Err(InvalidIpv6Prefix(bits)),
        }
    }

    /// Returns the network of an address's client.
    pub(super) fn group(self, address: Ipv6Addr) -> Ipv6Net {
        // `new` let through only lengths that exist.
        Ipv6Net::new(address, self.0)
            .unwrap_or_else(|_| address.into())
            .trunc()
    }
}

impl Default for Ipv6Prefix {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_1_to_128_bits() {
        let address = "2001:db8:12ff:ffff::7".parse().unwrap();
        let group = |bits| Ipv6Prefix::new(bits).map(|prefix| prefix.group(address).to_string());
        assert_eq!(group(0), Err(InvalidIpv6Prefix(0)));
        assert_eq!(group(1).unwrap(), "::/1");
        assert_eq!(group(40).unwrap(), "2001:db8:1200::/40");
        assert_eq!(group(56).unwrap(), "2001:db8:12ff:ff00::/56");
        assert_eq!(group(128).unwrap(), "2001:db8:12ff:ffff::7/128");
        let error = group(129).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no IPv6 prefix has 129 bits; one has 1 to 128, such as 56"
        );
    }
}
