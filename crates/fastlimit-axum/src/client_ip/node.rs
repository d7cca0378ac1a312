//! An address as it stands in a header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads what RFC 7239, section 6 calls a node: `192.0.2.7` or `[2001:db8::7]`, also with a port.
/// `unknown` and `_hidden` are no addresses, and neither is one with a zone id: that means
/// something on another host.
pub(super) fn parse(text: &str) -> Option<IpAddr> {
    let (address, port) = match text.strip_prefix('[') {
        Some(text) => {
            let (v6, rest) = text.split_once(']')?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':')?),
            };
            (v6.parse::<Ipv6Addr>().ok()?.into(), port)
        }
        None => {
            let (v4, port) = match text.split_once(':') {
                Some((v4, port)) => (v4, Some(port)),
                None => (text, None),
            };
            (v4.parse::<Ipv4Addr>().ok()?.into(), port)
        }
    };
    port.is_none_or(is_port).then_some(address)
}

/// Reads a node, or an IPv6 address without brackets, as headers without a standard have it.
pub(super) fn parse_bare(value: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(value.trim_ascii()).ok()?;
    let bare = text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare.or_else(|| parse(text))
}

/// A number, or a name that hides one: `_http`.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !name.is_empty() && name.bytes().all(allowed)
        }
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port() {
        let v4 = Some(IpAddr::from([192, 0, 2, 7]));
        for text in [
            "192.0.2.7",
            "192.0.2.7:0",
            "192.0.2.7:65535",
            "192.0.2.7:_a.b-c_9",
        ] {
            assert_eq!(parse(text), v4, "{text}");
        }
        let v6 = "2001:db8::7".parse().ok();
        for text in ["[2001:db8::7]", "[2001:DB8:0::7]:80", "[2001:db8::7]:_x"] {
            assert_eq!(parse(text), v6, "{text}");
        }
        assert_eq!(parse("2001:db8::7"), None);
        assert_eq!(parse_bare(b"2001:db8::7"), v6);
        assert_eq!(parse_bare(b"\t[2001:db8::7]:80 "), v6);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "localhost",
            "192.0.2",
            "192.0.2.7.8",
            "192.0.2.256",
            "192.0.2.07",
            "0xc0.0.2.7",
            "3221225991",
            "192.0.2.7:",
            "192.0.2.7:+8",
            "192.0.2.7:65536",
            "192.0.2.7:8:0",
            "192.0.2.7:_",
            "192.0.2.7:_a b",
            "192.0.2.7/32",
            "192.0.2.7%0",
            "[]",
            "[192.0.2.7]",
            "[2001:db8::7",
            "2001:db8::7]",
            "[2001:db8::7]80",
            "[2001:db8::7]:",
            "[2001:db8::7]]",
            "[[2001:db8::7]]",
            "[fe80::1%1]",
            "[fe80::1%eth0]:80",
            "fe80::1%1",
            "2001:db8::7::8",
            "\"192.0.2.7\"",
            "::ffff:192.0.2.256",
            "192.0.2.7\u{a0}",
        ] {
            assert_eq!(parse_bare(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_bare(b"192.0.2.7\xff"), None);
    }
}
