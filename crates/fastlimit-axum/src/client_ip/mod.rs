//! Who a client is by its address: the connection's, or what proxies of ours say.

mod address;
mod forwarded;
mod header;
mod node;
mod prefix;
mod single;
mod text;
mod trusted_proxies;
mod unheeded;
mod walk;
mod x_forwarded_for;

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

pub use address::ClientAddress;
pub use prefix::InvalidIpv6Prefix;
pub(crate) use text::ClientText;
pub use trusted_proxies::{InvalidNetwork, TrustedProxies};
pub(crate) use unheeded::Proxy;

use crate::Rejection;
use crate::key::Key;
use header::Header;
use prefix::Ipv6Prefix;
use walk::Trust;

/// The key that is a client's address: of its connection, unless told which proxies to believe.
///
/// ```
/// use axum::{extract::ConnectInfo, http::Request};
/// use fastlimit::{ClientIp, RateLimitLayer, TrustedProxies};
/// # use fastlimit::{MemoryStore, Policy, RateLimiter};
/// use std::net::SocketAddr;
/// # let limiter = RateLimiter::new(MemoryStore::new());
/// # let policy = Policy::new("users", "100/minute")?;
///
/// // A server behind nginx in the same network, a client being a /56 of IPv6:
/// let client = ClientIp::behind(TrustedProxies::private()).ipv6_prefix(56)?;
///
/// let (mut parts, ()) = Request::builder()
///     .header("x-forwarded-for", "192.0.2.66, 203.0.113.9, 10.0.0.2")
///     .extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4711))))
///     .body(())?
///     .into_parts();
/// assert_eq!(client.address(&parts)?.to_string(), "203.0.113.9");
///
/// // A stranger's header is no evidence:
/// parts.extensions.insert(ConnectInfo(SocketAddr::from(([198, 51, 100, 7], 4711))));
/// assert_eq!(client.address(&parts)?.to_string(), "198.51.100.7");
///
/// let layer = RateLimitLayer::new(limiter, policy).key(client);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Proxies
///
/// Behind a proxy every connection comes from the proxy, so by the address of the connection
/// all clients share one counter. The client's address is then in a header, which a client may
/// write as well. So tell who is to be believed: [`behind`](ClientIp::behind) takes the networks
/// of your proxies, [`hops`](ClientIp::hops) their number.
///
/// The header is read from the right, where the nearest proxy wrote: as long as a sender is one
/// of your proxies, the entry to the left of it tells who sent to it. The first sender that is
/// not yours is the client. Where the header ends before one is found, where an entry is
/// malformed (a zone id is), and where it hides its address (`unknown`, `_hidden`), the last
/// proxy that was found is taken for the client. What stands further left is never looked at.
/// Several lines of the header are read as one, in their order.
///
/// | header | written as | by |
/// | --- | --- | --- |
/// | `X-Forwarded-For`, the default | `203.0.113.9, 10.0.0.2`, also with ports, IPv6 with or without brackets | most proxies |
/// | `Forwarded` | `for=203.0.113.9, for="[2001:db8::7]:4711";proto=https` ([RFC 7239]) | some |
/// | another, such as `CF-Connecting-IP`, `True-Client-IP`, `Fly-Client-IP`, `X-Real-IP` | one address | a CDN, or nginx |
///
/// [`header`](ClientIp::header) chooses; no other than the chosen one is read. Take one that
/// your proxy always writes: one that it only passes on is the client's own text.
///
/// A header of this kind from a private address that is not trusted is told once per process
/// by a warning in the log. (One request in 256 is looked at.)
///
/// # IPv6
///
/// A provider gives a client at least a /64, that is 2^64 addresses to choose from, so a limit on
/// the whole address would limit nobody. Clients are told apart by the first 64 bits, or as
/// many as [`ipv6_prefix`](ClientIp::ipv6_prefix) says. An IPv4 address inside of an IPv6
/// address is the IPv4 address: mapped (`::ffff:192.0.2.7`), or translated
/// (`64:ff9b::192.0.2.7`, [RFC 6052]).
///
/// [RFC 6052]: https://www.rfc-editor.org/rfc/rfc6052#section-2.1
/// [RFC 7239]: https://www.rfc-editor.org/rfc/rfc7239
#[doc(alias = "proxy")]
#[doc(alias = "trust proxy")]
#[doc(alias = "x-forwarded-for")]
#[doc(alias = "forwarded")]
#[doc(alias = "x-real-ip")]
#[doc(alias = "cf-connecting-ip")]
#[doc(alias = "real ip")]
#[derive(Clone, Debug, Default)]
pub struct ClientIp {
    trust: Trust,
    header: Header,
    prefix: Ipv6Prefix,
}

/// The key of a limit that was given none.
pub(crate) static PEER: ClientIp = ClientIp::peer();

impl ClientIp {
    /// Takes the address of the connection, and believes no header. It is the default.
    #[must_use]
    pub const fn peer() -> Self {
        Self::trusting(Trust::Nobody)
    }

    /// Believes `X-Forwarded-For` as far as proxies in these networks wrote it, see
    /// [Proxies](ClientIp#proxies).
    ///
    /// If all senders are trusted, the client is the leftmost. So trust no network that clients
    /// are in: one that sends from there chooses its address.
    #[must_use]
    pub const fn behind(proxies: TrustedProxies) -> Self {
        Self::trusting(Trust::Networks(proxies))
    }

    /// Believes as many proxies as there are, wherever they are.
    ///
    /// The peer of the connection is the first of `proxies`; each adds the address of who sent
    /// to it at the right end of `X-Forwarded-For`. So with 1 the client is the last address
    /// there, with 2 the last but one, and with 0 it is the [`peer`](ClientIp::peer). A request
    /// with fewer addresses did not pass all the proxies: its client is the leftmost
    /// address, which is the last hop that was to be trusted, or the peer where there is none.
    ///
    /// A client that gets around one of the proxies writes the address that is taken for its
    /// own. Count only if the server can be reached through all of them alone.
    ///
    /// ```
    /// # use axum::{extract::ConnectInfo, http::Request};
    /// # use fastlimit::ClientIp;
    /// # use std::net::SocketAddr;
    /// # let (parts, ()) = Request::builder()
    /// #     .header("x-forwarded-for", "192.0.2.66, 203.0.113.9, 198.51.100.7")
    /// #     .extension(ConnectInfo(SocketAddr::from(([198, 51, 100, 8], 4711))))
    /// #     .body(())?
    /// #     .into_parts();
    /// // From 198.51.100.8, with `X-Forwarded-For: 192.0.2.66, 203.0.113.9, 198.51.100.7`:
    /// let client = |proxies| ClientIp::hops(proxies).address(&parts).map(|client| client.to_string());
    /// assert_eq!(client(0)?, "198.51.100.8");
    /// assert_eq!(client(1)?, "198.51.100.7");
    /// assert_eq!(client(2)?, "203.0.113.9");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn hops(proxies: usize) -> Self {
        Self::trusting(match proxies {
            0 => Trust::Nobody,
            _ => Trust::Hops(proxies),
        })
    }

    const fn trusting(trust: Trust) -> Self {
        Self {
            trust,
            header: Header::XForwardedFor,
            prefix: Ipv6Prefix::DEFAULT,
        }
    }

    /// Reads another header than `X-Forwarded-For`: `forwarded` in the form of RFC 7239, any
    /// other as one address. Where that comes twice or is malformed, the client is the peer. It
    /// is read only if the peer is trusted, so never by [`peer`](ClientIp::peer).
    ///
    /// ```
    /// # use fastlimit::{ClientIp, TrustedProxies};
    /// let client = ClientIp::behind("203.0.113.0/24".parse()?).header("CF-Connecting-IP");
    /// # Ok::<(), fastlimit::InvalidNetwork>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Where `name` cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn header(self, name: &'static str) -> Self {
        Self {
            header: Header::new(name),
            ..self
        }
    }

    /// Tells clients with IPv6 apart by so many bits of their addresses: 56 or 48 where a
    /// provider gives each client as much, 64 unless set.
    ///
    /// # Errors
    ///
    /// Unless `bits` is 1 to 128.
    pub fn ipv6_prefix(self, bits: u8) -> Result<Self, InvalidIpv6Prefix> {
        Ok(Self {
            prefix: Ipv6Prefix::new(bits)?,
            ..self
        })
    }

    /// Returns the client of a request.
    ///
    /// # Errors
    ///
    /// [`Rejection::MissingClientAddress`] unless the server runs with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, or a test with
    /// [`MockConnectInfo`].
    pub fn address(&self, parts: &Parts) -> Result<ClientAddress, Rejection> {
        let peer = connected(&parts.extensions)?.ip();
        let address = self.find(peer, &parts.headers);
        Ok(ClientAddress::new(address, self.prefix))
    }

    /// Writes the client of a request as it stands in keys.
    #[inline]
    pub(crate) fn write_text<'text>(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        text: &'text mut ClientText,
    ) -> Result<&'text str, Rejection> {
        let peer = connected(extensions)?.ip();
        Ok(text.write(self.find(peer, headers), self.prefix))
    }

    #[inline]
    fn find(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if self.trust.trusts(0, peer) {
            return self.walk(peer, headers);
        }
        if let Some(proxy) = Proxy::behind(peer, headers) {
            proxy.tell();
        }
        peer
    }

    /// Looks behind a peer that is trusted.
    fn walk(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        match &self.header {
            Header::XForwardedFor => {
                walk::client(&self.trust, peer, x_forwarded_for::senders(headers))
            }
            Header::Forwarded => walk::client(&self.trust, peer, forwarded::senders(headers)),
            Header::Single(name) => walk::client(&self.trust, peer, single::sender(headers, name)),
        }
    }
}

impl Proxy {
    /// Looks whether one seems to stand in front of a request.
    pub(crate) fn find(parts: &Parts) -> Option<Self> {
        let peer = connected(&parts.extensions).ok()?.ip();
        Self::behind(peer, &parts.headers)
    }
}

/// The address that a request's connection came from.
#[inline]
fn connected(extensions: &Extensions) -> Result<&SocketAddr, Rejection> {
    let connected = extensions.get().map(|ConnectInfo(address)| address);
    let mocked = || extensions.get().map(|MockConnectInfo(address)| address);
    connected
        .or_else(mocked)
        .ok_or(Rejection::MissingClientAddress)
}

impl Key for ClientIp {
    fn key(&self, parts: &Parts) -> Result<String, Rejection> {
        Ok(self.address(parts)?.into())
    }
}
