//! Chooses a port for a server.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::prefix::random;

/// Below the ports that Linux (32768 up) and other systems (49152 up) give to clients.
///
/// A port above would not be safe while its server is stopped: a client's own outgoing connection
/// may be given it, and on loopback a client that keeps trying can even connect to itself.
const PORTS: Range<u16> = 15_000..32_000;

/// How far a cluster's bus port is above the port for clients.
///
/// Redis 7 could be told another one, and Redis 6 could not.
const BUS_OFFSET: u16 = 10_000;

/// Returns a loopback port on which nothing listens at this moment.
///
/// Another process may take it before the server does; the caller then tries another one.
pub(crate) fn free() -> Option<u16> {
    find(PORTS, is_free)
}

/// Returns a port as [`free`] does, whose bus port is free as well.
pub(crate) fn free_with_bus() -> Option<u16> {
    find(PORTS.start..PORTS.end - BUS_OFFSET, |port| {
        is_free(port) && is_free(port + BUS_OFFSET)
    })
}

fn find(ports: Range<u16>, fits: impl Fn(u16) -> bool) -> Option<u16> {
    let span = u64::from(ports.end - ports.start);
    (0..100)
        .filter_map(|_| u16::try_from(random() % span).ok())
        .map(|offset| ports.start + offset)
        .find(|&port| fits(port))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_below_those_of_clients() {
        let port = free().unwrap();
        assert!(PORTS.contains(&port), "{port}");
    }

    #[test]
    fn a_bus_port_is_below_those_of_clients_too() {
        let port = free_with_bus().unwrap();
        assert!(PORTS.contains(&(port + BUS_OFFSET)), "{port}");
    }
}
