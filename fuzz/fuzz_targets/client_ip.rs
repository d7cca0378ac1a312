//! No header makes the search for a client panic; the client is the peer, or an address that stands
//! in the header; and who is not trusted is the client.

#![no_main]

use std::net::{IpAddr, SocketAddr};

use arbitrary::Arbitrary;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request};
use fastlimit_axum::{ClientAddress, ClientIp, TrustedProxies};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    peer: Peer,
    trust: Trust,
    header: Header,
    /// Lines of the header, as in a file.
    lines: &'a [u8],
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Peer {
    Private,
    Stranger,
    Mapped,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Trust {
    Nobody,
    Private,
    Hops(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Header {
    XForwardedFor,
    Forwarded,
    Single,
}

fuzz_target!(|input: Input<'_>| {
    let peer: IpAddr = match input.peer {
        Peer::Private => [10, 0, 0, 1].into(),
        Peer::Stranger => [203, 0, 113, 9].into(),
        Peer::Mapped => "::ffff:10.0.0.1".parse().expect("an address"),
    };
    let name = match input.header {
        Header::XForwardedFor => "x-forwarded-for",
        Header::Forwarded => "forwarded",
        Header::Single => "x-real-ip",
    };
    let client = match input.trust {
        Trust::Nobody => ClientIp::peer(),
        Trust::Private => ClientIp::behind(TrustedProxies::private()),
        Trust::Hops(proxies) => ClientIp::hops(proxies.into()),
    };

    let (mut parts, ()) = Request::new(()).into_parts();
    let peer_address = SocketAddr::new(peer, 4711);
    parts.extensions.insert(ConnectInfo(peer_address));
    for line in lines(&input) {
        let Ok(value) = HeaderValue::from_bytes(line) else {
            return;
        };
        parts.headers.append(name, value);
    }

    let client = client.header(name).address(&parts).expect("a peer");
    let peer = ClientAddress::from(peer);
    if client == peer {
        return;
    }
    let trusted = match input.trust {
        Trust::Nobody => false,
        Trust::Private => input.peer != Peer::Stranger,
        Trust::Hops(proxies) => proxies > 0,
    };
    assert!(trusted, "{client} in place of {peer}");
    let stands_there = lines(&input).any(|line| holds(line, client));
    assert!(stands_there, "{client} comes from nowhere");
});

fn lines<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a [u8]> {
    input.lines.split(|byte| *byte == b'\n')
}

/// Whether an address stands in a line, by itself or before a port. Backslashes escape.
fn holds(line: &[u8], client: ClientAddress) -> bool {
    let bytes = line.iter().copied().filter(|byte| *byte != b'\\').collect();
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        // What is not UTF-8 separates, too.
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    });
    let is_of_address = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    text.split(|c| !is_of_address(c)).any(|run| {
        let before_port = run.split_once(':').map(|(address, _)| address);
        [Some(run), before_port]
            .into_iter()
            .flatten()
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .any(|address| ClientAddress::from(address) == client)
    })
}
