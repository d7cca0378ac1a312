use std::net::SocketAddr;

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::eviction::EvictionWarning;
use super::handshake::Handshake;
use super::open::{self, Target};
use super::progress::Progress;
use super::settings::DialSettings;
use super::wanted::Wanted;
use crate::connect_error::{ConnectError, ConnectStage};

/// What one attempt to connect is made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'dialer> {
    pub(super) endpoint: &'dialer Endpoint,
    pub(super) wanted: Wanted,
    pub(super) settings: &'dialer DialSettings,
    /// None for a Unix socket.
    pub(super) addresses: &'dialer [SocketAddr],
    pub(super) eviction: &'dialer EvictionWarning,
}

impl Attempt<'_> {
    /// Connects, trying the addresses in turn from the given one on.
    pub(super) async fn run(
        self,
        first_address: usize,
        progress: &Progress,
    ) -> Result<Connection, ConnectError> {
        let target = Target {
            endpoint: self.endpoint,
            addresses: self.addresses,
            first_address,
            #[cfg(feature = "tls-rustls")]
            tls: &self.settings.tls,
        };
        let stream = open::open(target, progress).await?;
        progress.comes_to(ConnectStage::Login);
        let handshake = Handshake {
            endpoint: self.endpoint,
            wanted: self.wanted,
            client_name: self.settings.client_name.as_deref(),
            eviction: self.eviction,
        };
        handshake.run(stream).await
    }
}
