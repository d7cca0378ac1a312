use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fastlimit_axum::{ClientAddress, ClientIp, TrustedProxies};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::request::{key_of, request};

/// An address that is never a proxy's.
fn stranger() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u8>().prop_map(|last| IpAddr::from([203, 0, 113, last])),
        any::<u16>().prop_map(|last| Ipv6Addr::new(0x2001, 0xdb8, last, 0, 0, 0, 0, 7).into()),
    ]
}

fn proxy() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u8>().prop_map(|last| IpAddr::from([10, 0, 0, last])),
        any::<u8>().prop_map(|last| Ipv4Addr::new(10, 0, 1, last).to_ipv6_mapped().into()),
        any::<u16>().prop_map(|last| Ipv6Addr::new(0xfd00, 0, 0, last, 0, 0, 0, 1).into()),
    ]
}

/// What a proxy writes of a sender, in one of the headers.
fn entry(header: &str, address: IpAddr, port: Option<u16>) -> String {
    let node = match (address, port) {
        (IpAddr::V6(v6), None) if header == "x-forwarded-for" => v6.to_string(),
        (IpAddr::V6(v6), None) => format!("[{v6}]"),
        (IpAddr::V6(v6), Some(port)) => format!("[{v6}]:{port}"),
        (IpAddr::V4(v4), None) => v4.to_string(),
        (IpAddr::V4(v4), Some(port)) => format!("{v4}:{port}"),
    };
    match header {
        "x-forwarded-for" => node,
        _ => format!("proto=https;for=\"{node}\";by=_us"),
    }
}

/// What a client may write: near misses, and anything that a header may hold.
fn forged() -> impl Strategy<Value = Vec<u8>> {
    let near = "(for=|FOR=\"|\\[|10\\.0\\.0\\.1|203\\.0\\.113\\.7|fd00::1|\\]|:80|\"|\\\\|;|,| |unknown){0,12}";
    let any = vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..30);
    prop_oneof![near.prop_map(String::into_bytes), any]
}

fn key(address: IpAddr) -> String {
    ClientAddress::from(address).to_string()
}

fn headers() -> impl Strategy<Value = &'static str> {
    select(vec!["x-forwarded-for", "forwarded"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The client sends what it likes, in lines of its own and at the left of the proxies' line.
    #[test]
    fn a_client_chooses_nothing_but_its_own_address(
        header in headers(),
        forged_lines in vec(forged(), 0..3),
        forged_left in option::of(forged()),
        client in stranger(),
        chain in vec(proxy(), 0..4),
        peer in proxy(),
        port in option::of(any::<u16>()),
        joined in any::<bool>(),
    ) {
        let mut written = vec![entry(header, client, port)];
        written.extend(chain.iter().map(|proxy| entry(header, *proxy, port)));
        let mut lines = forged_lines;
        if joined {
            let mut line = written.join(", ").into_bytes();
            if let Some(left) = forged_left {
                line = [left, line].join(&b", "[..]);
            }
            lines.push(line);
        } else {
            lines.extend(written.into_iter().map(String::into_bytes));
        }
        let lines: Vec<_> = lines.into_iter().map(|line| (header, line)).collect();
        let request = request(&peer.to_string(), &lines);

        let by_network = ClientIp::behind(TrustedProxies::private()).header(header);
        prop_assert_eq!(key_of(&by_network, &request), key(client));
        let by_number = ClientIp::hops(chain.len() + 1).header(header);
        prop_assert_eq!(key_of(&by_number, &request), key(client));
    }

    #[test]
    fn a_stranger_who_connects_is_the_client(
        name in select(vec!["x-forwarded-for", "forwarded", "x-real-ip"]),
        lines in vec(forged(), 0..3),
        peer in stranger(),
    ) {
        let lines: Vec<_> = lines.into_iter().map(|line| (name, line)).collect();
        let request = request(&peer.to_string(), &lines);
        for client in [ClientIp::peer(), ClientIp::behind(TrustedProxies::private())] {
            prop_assert_eq!(key_of(&client.header(name), &request), key(peer));
        }
    }

    /// `None` is an entry that hides its sender.
    #[test]
    fn no_address_left_of_one_that_is_not_trusted_is_the_client(
        header in headers(),
        senders in vec(option::weighted(0.9, prop_oneof![3 => proxy(), 1 => stranger()]), 0..8),
        peer in prop_oneof![3 => proxy(), 1 => stranger()],
        proxies in 0..6_usize,
    ) {
        let written = senders.iter().map(|sender| match sender {
            Some(address) => entry(header, *address, None),
            None => "for=unknown".to_owned(),
        });
        let line = written.collect::<Vec<_>>().join(", ");
        let lines = if senders.is_empty() { vec![] } else { vec![(header, line)] };
        let request = request(&peer.to_string(), &lines);

        // As far as senders are told, from the right.
        let told: Vec<IpAddr> = [Some(peer)]
            .into_iter()
            .chain(senders.into_iter().rev())
            .map_while(|sender| sender)
            .collect();
        let is_ours = |address: &IpAddr| match address.to_canonical() {
            IpAddr::V4(v4) => v4.octets()[0] == 10,
            IpAddr::V6(v6) => v6.segments()[0] == 0xfd00,
        };
        let first_stranger = told.iter().find(|address| !is_ours(address));
        let expected = first_stranger.or(told.last()).unwrap();
        let by_network = ClientIp::behind(TrustedProxies::private()).header(header);
        prop_assert_eq!(key_of(&by_network, &request), key(*expected));

        let expected = told[proxies.min(told.len() - 1)];
        let by_number = ClientIp::hops(proxies).header(header);
        prop_assert_eq!(key_of(&by_number, &request), key(expected));
    }
}
