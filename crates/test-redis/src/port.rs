//! Chooses a port for a server.

use std::net::{Ipv4Addr, TcpListener};

use crate::prefix::random;

/// Below the ports that Linux (32768 up) and other systems (49152 up) give to clients.
///
/// A port above would not be safe while its server is stopped: a client's own outgoing connection
/// may be given it, and on loopback a client that keeps trying can even connect to itself.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// Returns a loopback port on which nothing listens at this moment.
///
/// Another process may take it before the server does; the caller then tries another one.
pub(crate) fn free() -> Option<u16> {
    let span = u64::from(PORTS.end - PORTS.start);
    (0..100)
        .filter_map(|_| u16::try_from(random() % span).ok())
        .map(|offset| PORTS.start + offset)
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_below_those_of_clients() {
        let port = free().unwrap();
        assert!(PORTS.contains(&port), "{port}");
    }
}
