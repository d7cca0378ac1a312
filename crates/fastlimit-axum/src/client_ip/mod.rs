mod text;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::Extensions;
use axum::http::request::Parts;

pub(crate) use text::ClientText;

use crate::Rejection;

/// Who a client is by its address: an IPv4 address, or the /64 prefix of an IPv6 address.
///
/// A provider gives a client at least a /64, that is 2^64 addresses to choose from, so a limit
/// on the whole address would limit nobody. An IPv4 address that is mapped into IPv6 is the
/// IPv4 address, however it is spelled.
///
/// ```
/// use std::net::{IpAddr, SocketAddr};
/// use axum::{extract::ConnectInfo, http::Request};
/// use fastlimit_axum::ClientIp;
///
/// let client = |address: &str| address.parse::<IpAddr>().map(|ip| ClientIp::from(ip).to_string());
/// assert_eq!(client("192.0.2.7")?, "192.0.2.7");
/// assert_eq!(client("::ffff:192.0.2.7")?, "192.0.2.7");
/// assert_eq!(client("2001:db8:1:2:3:4:5:6")?, "2001:db8:1:2::/64");
///
/// let (mut parts, ()) = Request::new(()).into_parts();
/// parts.extensions.insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
/// assert_eq!(ClientIp::from_parts(&parts)?.to_string(), "192.0.2.7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Proxies
///
/// [`from_parts`](ClientIp::from_parts) takes the address of the connection and trusts no
/// header: `X-Forwarded-For` is the client's own text. Behind a proxy every client has the
/// proxy's address; a key hook then returns the address that *your* proxy writes, as an
/// [`IpAddr`] that is treated as here:
///
/// ```
/// use std::net::IpAddr;
/// use axum::http::{StatusCode, request::Parts};
///
/// /// Only for a server that nobody but the proxy can reach.
/// fn behind_our_proxy(parts: &Parts) -> Result<IpAddr, StatusCode> {
///     let address = parts.headers.get("x-real-ip").and_then(|value| value.to_str().ok());
///     address.and_then(|text| text.parse().ok()).ok_or(StatusCode::BAD_GATEWAY)
/// }
/// # fn layer(limiter: fastlimit_core::RateLimiter, policy: fastlimit_core::Policy) {
/// # use fastlimit_axum::RateLimitLayer;
/// let layer = RateLimitLayer::new(limiter, policy).key(behind_our_proxy);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(
    /// With the host's half of an IPv6 address zeroed.
    IpAddr,
);

impl ClientIp {
    /// Returns the client of a request, by the address of its connection.
    ///
    /// # Errors
    ///
    /// [`Rejection::MissingClientAddress`] unless the server runs with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, or a test with
    /// [`MockConnectInfo`].
    pub fn from_parts(parts: &Parts) -> Result<Self, Rejection> {
        let address = Self::connected(&parts.extensions)?;
        Ok(address.ip().into())
    }

    /// The address that a request's connection came from.
    #[inline]
    pub(crate) fn connected(extensions: &Extensions) -> Result<&SocketAddr, Rejection> {
        let connected = extensions.get().map(|ConnectInfo(address)| address);
        let mocked = || extensions.get().map(|MockConnectInfo(address)| address);
        connected
            .or_else(mocked)
            .ok_or(Rejection::MissingClientAddress)
    }

    /// Returns the client as it stands in keys.
    pub(crate) fn text(self) -> ClientText {
        ClientText::new(self)
    }
}

impl From<IpAddr> for ClientIp {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

impl From<ClientIp> for String {
    fn from(client: ClientIp) -> Self {
        client.text().as_str().to_owned()
    }
}

impl fmt::Display for ClientIp {
    /// Writes the client as it stands in keys: `192.0.2.7`, `2001:db8:1:2::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}"),
            IpAddr::V6(prefix) => write!(f, "{prefix}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn client(address: &str) -> String {
        ClientIp::from(address.parse::<IpAddr>().unwrap()).into()
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_however_it_is_spelled() {
        for spelling in [
            "1.2.3.4",
            "::ffff:1.2.3.4",
            "::ffff:102:304",
            "::FFFF:0102:0304",
            "0:0:0:0:0:ffff:102:304",
        ] {
            assert_eq!(client(spelling), "1.2.3.4", "{spelling}");
        }
        assert_ne!(client("::ffff:1.2.3.4"), client("::ffff:1.2.3.5"));
    }

    #[test]
    fn both_ways_to_write_a_client_agree() {
        for octet in 0..=u8::MAX {
            let address = ClientIp::from(IpAddr::from([octet, 0, 255, !octet]));
            assert_eq!(String::from(address), address.to_string());
        }
        for address in ["::", "2001:db8::1", "ffff:ffff:ffff:ffff::"] {
            let address = ClientIp::from(address.parse::<IpAddr>().unwrap());
            assert_eq!(String::from(address), address.to_string());
        }
    }

    #[test]
    fn one_prefix_is_one_client() {
        for host in 0..=u16::MAX {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, host, !host, host, 1);
            assert_eq!(
                ClientIp::from(IpAddr::from(address)),
                ClientIp::from("2001:db8:1:2::".parse::<IpAddr>().unwrap()),
            );
        }
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
    }

    #[test]
    fn other_embedded_addresses_are_ipv6() {
        assert_eq!(client("::1"), "::/64");
        assert_eq!(client("::1.2.3.4"), "::/64");
        assert_eq!(client("64:ff9b::1.2.3.4"), "64:ff9b::/64");
    }

    #[test]
    fn the_connection_counts_before_the_mock() {
        let address = |last| SocketAddr::from(([192, 0, 2, last], 4711));
        let (mut parts, ()) = Request::new(()).into_parts();
        parts
            .headers
            .insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
        assert!(ClientIp::from_parts(&parts).is_err());

        parts.extensions.insert(MockConnectInfo(address(1)));
        assert_eq!(
            ClientIp::from_parts(&parts).unwrap().to_string(),
            "192.0.2.1"
        );
        parts.extensions.insert(ConnectInfo(address(2)));
        assert_eq!(
            ClientIp::from_parts(&parts).unwrap().to_string(),
            "192.0.2.2"
        );
    }
}
