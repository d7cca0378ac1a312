use std::fmt;
use std::future::Future;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value};
use tokio::task::AbortHandle;

use super::status::StreamStatus;

/// A connection that has logged in. Dropping it closes it at once, whoever still waits for an
/// answer by it.
pub(crate) struct Connection {
    multiplexed: MultiplexedConnection,
    status: Arc<StreamStatus>,
    has_msetex: bool,
    // Last, though the order does not matter: the connection is of no use without its driver.
    _driver: Driver,
}

/// The task that reads and writes for a connection, ended on drop.
pub(super) struct Driver(AbortHandle);

impl Driver {
    /// Has a connection driven by the current runtime.
    pub(super) fn spawn(driver: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(driver).abort_handle())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    /// A connection that has not yet been found to have `MSETEX`.
    pub(super) fn new(
        multiplexed: MultiplexedConnection,
        status: Arc<StreamStatus>,
        driver: Driver,
    ) -> Self {
        Self {
            multiplexed,
            status,
            has_msetex: false,
            _driver: driver,
        }
    }

    /// Notes what was found out after the login.
    pub(super) fn set_msetex(&mut self, has_msetex: bool) {
        self.has_msetex = has_msetex;
    }

    /// Sends a command, from the first poll on, and brings its reply; there is no time limit.
    ///
    /// A server's error comes as a [`Value::ServerError`]. Commands leave in the order in which
    /// they are polled first.
    pub(crate) fn send(
        &self,
        command: Cmd,
    ) -> impl Future<Output = RedisResult<Value>> + Send + use<> {
        let mut multiplexed = self.multiplexed.clone();
        async move { multiplexed.send_packed_command(&command).await }
    }

    /// Whether the server has `MSETEX` and the user may call it.
    pub(crate) fn has_msetex(&self) -> bool {
        self.has_msetex
    }

    /// Whether the stream has ended, as far as the driver has seen.
    pub(crate) fn has_ended(&self) -> bool {
        self.status.has_ended()
    }

    /// Waits until the stream has ended: it was closed or it broke, on either side.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let status = Arc::clone(&self.status);
        async move { status.ended().await }
    }

    /// How many bytes have gone to the system so far. Where it is the same when a request fails as
    /// it was before the request was sent, nothing of the request has left.
    pub(crate) fn written(&self) -> u64 {
        self.status.written()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("has_msetex", &self.has_msetex)
            .field("has_ended", &self.has_ended())
            .field("written", &self.written())
            .finish_non_exhaustive()
    }
}
