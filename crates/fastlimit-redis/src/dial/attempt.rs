use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::eviction::EvictionWarning;
use super::handshake::Handshake;
use super::open;
use super::{DialSettings, Wanted};
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
        let stream = open::open(self, first_address, progress).await?;
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

/// How far an attempt has come.
#[derive(Debug)]
pub(super) struct Progress(Mutex<ConnectStage>);

impl Default for Progress {
    fn default() -> Self {
        Self(Mutex::new(ConnectStage::Resolving))
    }
}

impl Progress {
    pub(super) fn comes_to(&self, stage: ConnectStage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    pub(super) fn stage(&self) -> ConnectStage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
