use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::handshake::Handshake;
use super::judgement::EvictionWarning;
use super::refusal::Refusal;
use super::stream::{self, Stream};
use super::{DialSettings, Wanted};
use crate::connect_error::{ConnectError, ConnectStage};

/// What one attempt to connect is made with.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'dialer> {
    pub(super) endpoint: &'dialer Endpoint,
    pub(super) wanted: Wanted,
    pub(super) settings: &'dialer DialSettings,
    /// None for a Unix socket.
    pub(super) addresses: &'dialer [SocketAddr],
    pub(super) eviction: &'dialer EvictionWarning,
}

/// How far an attempt has come.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU8);
