use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use redis::ConnectionAddr;

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
    eviction: EvictionWarning,
}

impl Dialer {
    /// A dialer of one server. It does nothing until [`Dialer::dial`].
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
        let quarter = self.settings.connect_timeout.checked_div(4);
        let patience = quarter.unwrap_or_default().min(LONGEST_PATIENCE);
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

    /// Whether the server's eviction has been told of.
    #[cfg(test)]
    pub(super) fn has_warned_of_eviction(&self) -> bool {
        self.eviction.is_told()
    }
}
