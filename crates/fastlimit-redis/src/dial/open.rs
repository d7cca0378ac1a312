//! Opens the stream to a server: TCP, TLS over it, or a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use redis::ConnectionAddr;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::endpoint::Endpoint;
use super::progress::Progress;
use super::status::StreamStatus;
use super::stream::{Counted, Stream};
#[cfg(feature = "tls-rustls")]
use super::tls::{Handshake, Tls};
use crate::connect_error::{ConnectError, ConnectStage};

/// How long a connection is silent before the system asks whether the other side is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);

/// How long after a question the system asks again.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// How many questions may go unanswered.
const KEEPALIVE_PROBES: u32 = 3;

/// How long bytes that were sent may go unacknowledged: as long as the questions take in all.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a stream leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'dialer> {
    pub(super) endpoint: &'dialer Endpoint,
    /// The addresses of its host, none for a Unix socket.
    pub(super) addresses: &'dialer [SocketAddr],
    /// The one that is tried first.
    pub(super) first_address: usize,
    #[cfg(feature = "tls-rustls")]
    pub(super) tls: &'dialer Tls,
}

/// Opens a stream.
pub(super) async fn open(target: Target<'_>, progress: &Progress) -> Result<Stream, ConnectError> {
    let endpoint = target.endpoint;
    let unreachable = |error| ConnectError::unreachable(endpoint.to_string(), error);
    let status = Arc::new(StreamStatus::default());
    match endpoint.address() {
        ConnectionAddr::Tcp(..) => {
            progress.comes_to(ConnectStage::Connecting);
            let socket = connect_tcp(target.addresses, target.first_address).await;
            let socket = socket.map_err(unreachable)?;
            Ok(Stream::new(Counted::new(socket, &status), status))
        }
        #[cfg(feature = "tls-rustls")]
        ConnectionAddr::TcpTls { host, .. } => {
            progress.comes_to(ConnectStage::Connecting);
            let handshake = Handshake::new(target.tls, host).await;
            let handshake = handshake.map_err(|fault| fault.told_of(endpoint.to_string()))?;
            let socket = connect_tcp(target.addresses, target.first_address).await;
            let socket = socket.map_err(unreachable)?;
            progress.comes_to(ConnectStage::Tls);
            let opened = handshake.run(Counted::new(socket, &status)).await;
            let opened = opened.map_err(|fault| fault.told_of(endpoint.to_string()))?;
            Ok(Stream::new(opened, status))
        }
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => {
            progress.comes_to(ConnectStage::Connecting);
            let socket = tokio::net::UnixStream::connect(path).await;
            let socket = socket.map_err(unreachable)?;
            Ok(Stream::new(Counted::new(socket, &status), status))
        }
        _ => {
            let error = io::Error::from(io::ErrorKind::Unsupported);
            Err(unreachable(error))
        }
    }
}

/// Connects to the first address that takes the connection, from the given one on and round.
async fn connect_tcp(addresses: &[SocketAddr], first: usize) -> io::Result<TcpStream> {
    let first = first.checked_rem(addresses.len()).unwrap_or_default();
    let in_turn = addresses.iter().cycle().skip(first).take(addresses.len());
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in in_turn {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                watch_the_peer(&socket);
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Has the system notice a server that is gone without a word. A system that cannot connects all
/// the same.
fn watch_the_peer(socket: &TcpStream) {
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let _ = socket.set_tcp_user_timeout(Some(USER_TIMEOUT));
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A listener, and an address at which nothing listens.
    async fn alive_and_dead() -> (TcpListener, SocketAddr) {
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = dead.local_addr().unwrap();
        (alive, address)
    }

    #[tokio::test]
    async fn the_addresses_are_tried_in_turn() {
        let (listener, dead) = alive_and_dead().await;
        let alive = listener.local_addr().unwrap();
        for (addresses, first) in [
            (vec![dead, alive], 0),
            (vec![dead, alive], 1),
            (vec![alive, dead], 1),
            (vec![dead, dead, alive], 7),
            (vec![alive], 1),
        ] {
            let socket = connect_tcp(&addresses, first).await.unwrap();
            assert_eq!(socket.peer_addr().unwrap(), alive, "{addresses:?} {first}");
        }
        let refused = connect_tcp(&[dead, dead], 1).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let none = connect_tcp(&[], 1).await.unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn the_system_watches_the_peer() {
        let (listener, _) = alive_and_dead().await;
        let address = listener.local_addr().unwrap();
        let socket = connect_tcp(&[address], 0).await.unwrap();
        assert!(socket.nodelay().unwrap());
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE_PROBES);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
        }
    }
}
