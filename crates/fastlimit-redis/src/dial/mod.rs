//! One attempt to connect to one server: from a URL to a connection that has logged in, to a
//! server that is what it should be.
//!
//! An attempt ends within the connect timeout, whatever hangs. It runs inside the runtime that
//! drives the connections.

mod attempt;
mod connection;
pub(crate) mod endpoint;
mod handshake;
mod eviction;
mod greeting;

mod probe;
mod refusal;
mod resolver;
mod status;
mod stream;
#[cfg(feature = "tls-rustls")]
pub(crate) mod tls;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use redis::ConnectionAddr;

pub(crate) use connection::Connection;
pub(crate) use endpoint::Endpoint;
pub(crate) use handshake::is_client_name;
#[cfg(feature = "tls-rustls")]
pub(crate) use tls::Tls;

use crate::connect_error::ConnectError;
use attempt::{Attempt, Progress};
use eviction::EvictionWarning;
use resolver::Resolver;

/// The longest time before a second attempt starts beside one that hangs.
const LONGEST_PATIENCE: Duration = Duration::from_millis(250);

/// What a server has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A master that is no part of a cluster.
    Standalone,
    /// A master that a Sentinel named.
    Master,
    /// A node of a cluster. A replica will do, since it can be asked for the slots too.
    ClusterNode,
    /// A Sentinel.
    Sentinel,
}

/// What all dialers of a store share.
#[derive(Clone, Debug)]
pub(crate) struct DialSettings {
    /// How long an attempt may take in all.
    pub(crate) connect_timeout: Duration,
    /// What `CLIENT LIST` shows. See [`is_client_name`].
    pub(crate) client_name: Option<String>,
    /// The certificates.
    #[cfg(feature = "tls-rustls")]
    pub(crate) tls: Tls,
}

/// Connects to one server, as often as it is asked to.
#[derive(Debug)]
pub(crate) struct Dialer {
    endpoint: Endpoint,
    wanted: Wanted,
    settings: Arc<DialSettings>,
    resolver: Resolver,
    eviction: EvictionWarning,
}

impl Dialer {
    pub(crate) fn new(endpoint: Endpoint, wanted: Wanted, settings: Arc<DialSettings>) -> Self {
        Self {
            resolver: Resolver::new(),
            eviction: EvictionWarning::default(),
            endpoint,
            wanted,
            settings,
        }
    }

    /// The server that is dialled.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Connects within the connect timeout.
    ///
    /// Where the server lets it wait, a second attempt starts beside the first, from the next
    /// address of the host on. The first that succeeds wins. Nothing of an attempt is left when
    /// this is dropped but a look-up of the host's name, for which the next one waits.
    pub(crate) async fn dial(&self) -> Result<Connection, ConnectError> {
        let timeout = self.settings.connect_timeout;
        let progress = Progress::default();
        match tokio::time::timeout(timeout, self.hedged(&progress)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(ConnectError::TimedOut {
                address: self.endpoint.to_string(),
                timeout,
                stage: progress.stage(),
            }),
        }
    }

    /// Runs one attempt, and a second one if the first takes long.
    async fn hedged(&self, progress: &Progress) -> Result<Connection, ConnectError> {
        let addresses = match self.endpoint.address() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                let addresses = self.resolver.resolve(host, *port).await;
                addresses.map_err(|source| ConnectError::Unreachable {
                    address: self.endpoint.to_string(),
                    source,
                })?
            }
            _ => Vec::new(),
        };
        let attempt = Attempt {
            endpoint: &self.endpoint,
            wanted: self.wanted,
            settings: &self.settings,
            addresses: &addresses,
            eviction: &self.eviction,
        };
        let first = pin!(attempt.run(0, progress));
        let patience = (self.settings.connect_timeout / 4).min(LONGEST_PATIENCE);
        let first = match select(first, pin!(tokio::time::sleep(patience))).await {
            Either::Left((result, _)) => return result,
            Either::Right(((), first)) => first,
        };
        // What the second does is not told of when the time is over.
        let beside = Progress::default();
        let second = pin!(attempt.run(1, &beside));
        match select(first, second).await {
            Either::Left((Ok(connection), _)) | Either::Right((Ok(connection), _)) => {
                Ok(connection)
            }
            Either::Left((Err(error), second)) => second.await.map_err(|_| error),
            Either::Right((Err(error), first)) => first.await.map_err(|_| error),
        }
    }
}

#[cfg(test)]
mod tests;
