use std::convert::Infallible;
use std::fmt;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value};
use tokio::sync::mpsc;

use super::connector::Ends;

/// A connection that any number of requests share.
pub(crate) struct Lane {
    connection: MultiplexedConnection,
    /// How many connections had ended before this one was opened.
    ends: (Ends, usize),
    /// Closed when the runtime is gone that drives the connection.
    runtime: mpsc::Sender<Infallible>,
}

impl Lane {
    /// Makes a lane of a connection that the current runtime drives; `ended` is the count of
    /// `ends` before it was opened.
    pub(super) fn new(connection: MultiplexedConnection, ends: Ends, ended: usize) -> Self {
        let (runtime, mut lane) = mpsc::channel(1);
        // Ends with the lane or with the runtime, whichever is first.
        tokio::spawn(async move { lane.recv().await.map_or((), |never| match never {}) });
        Self {
            connection,
            ends: (ends, ended),
            runtime,
        }
    }

    /// Whether the connection is closed, as far as is known: then nothing that is sent on it
    /// would go anywhere.
    pub(super) fn has_ended(&self) -> bool {
        let (ends, before) = &self.ends;
        // It may be another lane that ended. They hardly ever do so one by one.
        ends.count() != *before || self.runtime.is_closed()
    }

    /// Sends a command and waits for the reply, at most for the response timeout. Dropping the
    /// future takes nobody else's reply away.
    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        self.connection.clone().send_packed_command(command).await
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("has_ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}
