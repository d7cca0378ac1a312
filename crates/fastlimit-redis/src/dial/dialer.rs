use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use redis::{Cmd, ConnectionAddr, Value};

use super::attempt::Attempt;
use super::connection::Connection;
use super::endpoint::Endpoint;
use super::eviction::EvictionWarning;
use super::progress::Progress;
use super::resolver::Resolver;
use super::settings::DialSettings;
use super::wanted::Wanted;
use crate::connect_error::ConnectError;

/// The longest time before a second attempt starts beside one that hangs.
const LONGEST_PATIENCE: Duration = Duration::from_millis(250);

/// Connects to one server, as often as it is asked to.
#[derive(Debug)]
pub(crate) struct Dialer {
    endpoint: Endpoint,
    wanted: Wanted,
    settings: Arc<DialSettings>,
    resolver: Resolver,
    /// The place of the address that the next attempt begins with.
    next_address: AtomicUsize,
    eviction: EvictionWarning,
}

impl Dialer {
    /// A dialer of one server. It does nothing until [`Dialer::dial`].
    pub(crate) fn new(endpoint: Endpoint, wanted: Wanted, settings: Arc<DialSettings>) -> Self {
        Self {
            resolver: Resolver::new(),
            next_address: AtomicUsize::new(0),
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
        let progress = Progress::default();
        self.in_time(&progress, self.hedged(&progress)).await
    }

    /// Connects for the reply to one command, all within the connect timeout. An error of the server
    /// is a reply.
    pub(crate) async fn ask(&self, command: Cmd) -> Result<Value, ConnectError> {
        let progress = Progress::default();
        let answer = async {
            let connection = self.hedged(&progress).await?;
            let reply = connection.send(command).await;
            reply.map_err(|source| ConnectError::Unreachable {
                address: self.endpoint.to_string(),
                source,
            })
        };
        self.in_time(&progress, answer).await
    }

    async fn in_time<T>(
        &self,
        progress: &Progress,
        attempt: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let timeout = self.settings.connect_timeout;
        match tokio::time::timeout(timeout, attempt).await {
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
        // Two addresses an attempt, so that none is left out for ever.
        let address = self.next_address.fetch_add(1, Ordering::Relaxed);
        let first = pin!(attempt.run(address, progress));
        let quarter = self.settings.connect_timeout.checked_div(4);
        let patience = quarter.unwrap_or_default().min(LONGEST_PATIENCE);
        let first = match select(first, pin!(tokio::time::sleep(patience))).await {
            Either::Left((result, _)) => return result,
            Either::Right(((), first)) => first,
        };
        // What the second does is not told of when the time is over.
        let beside = Progress::default();
        let second = pin!(attempt.run(address.wrapping_add(1), &beside));
        match select(first, second).await {
            Either::Left((Ok(connection), _)) | Either::Right((Ok(connection), _)) => {
                Ok(connection)
            }
            // What a server says holds; what does not answer may answer the other.
            Either::Left((Err(error), _)) | Either::Right((Err(error), _))
                if !matches!(error, ConnectError::Unreachable { .. }) =>
            {
                Err(error)
            }
            Either::Left((Err(error), second)) => second.await.map_err(|_| error),
            Either::Right((Err(error), first)) => first.await.map_err(|_| error),
        }
    }

    /// Whether the server's eviction has been told of.
    #[cfg(test)]
    pub(super) fn has_warned_of_eviction(&self) -> bool {
        self.eviction.is_told()
    }
}
