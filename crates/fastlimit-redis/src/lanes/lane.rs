use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value};
use tokio::runtime::{Handle, Id};
use tokio::sync::mpsc;
use tokio::task::coop::unconstrained;

use super::connector::Ends;
use super::queue::Queue;
use crate::batch::Batch;

/// The calls that may be under way on a lane: while the server works on one, the next is there.
const MOST_CALLS: usize = 2;

/// A connection that any number of requests share, and the batches that wait for it.
pub(crate) struct Lane {
    connection: MultiplexedConnection,
    has_msetex: bool,
    /// How many connections had ended before this one was opened.
    ends: (Ends, usize),
    /// Drives the connection, and so what is sent on it.
    runtime: Handle,
    /// Closed when that runtime is gone.
    alive: mpsc::Sender<Infallible>,
    queue: Queue,
    /// Held while a batch is taken and sent, so that they leave in their order.
    sending: Mutex<()>,
}

/// A call that was sent.
pub(crate) type Sent = Pin<Box<dyn Future<Output = RedisResult<Value>> + Send>>;

impl Lane {
    /// Makes a lane of a connection that the current runtime drives; `ended` is the count of
    /// `ends` before it was opened.
    pub(super) fn new(
        connection: MultiplexedConnection,
        has_msetex: bool,
        ends: Ends,
        ended: usize,
    ) -> Self {
        let (alive, mut lane) = mpsc::channel(1);
        // Ends with the lane or with the runtime, whichever is first.
        tokio::spawn(async move { lane.recv().await.map_or((), |never| match never {}) });
        Self {
            connection,
            has_msetex,
            ends: (ends, ended),
            runtime: Handle::current(),
            alive,
            queue: Queue::new(MOST_CALLS),
            sending: Mutex::new(()),
        }
    }

    /// Whether the connection is closed, as far as is known: then nothing that is sent on it
    /// would go anywhere.
    pub(super) fn has_ended(&self) -> bool {
        let (ends, before) = &self.ends;
        // It may be another lane that ended. They hardly ever do so one by one.
        ends.count() != *before || self.alive.is_closed()
    }

    pub(crate) fn has_msetex(&self) -> bool {
        self.has_msetex
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The runtime that drives the lane.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn is_driven_by(&self, runtime: Id) -> bool {
        self.runtime.id() == runtime
    }

    /// Takes the next batch and sends it; `None` if there is none.
    pub(crate) async fn send_next(&self, call: impl Fn(&Batch) -> Cmd) -> Option<(Batch, Sent)> {
        let send = |context: &mut Context<'_>| {
            let order = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
            let batch = self.queue.take()?;
            let sent = self.send_now(call(&batch), context);
            drop(order);
            Some((batch, sent))
        };
        poll_fn(|context| Poll::Ready(send(context))).await
    }

    /// Sends a command at once, not when the reply is first asked for.
    pub(crate) fn send_now(&self, command: Cmd, context: &mut Context<'_>) -> Sent {
        let mut sent = self.send(command);
        // The first poll puts it on its way, also in a task that has had its share of the runtime.
        match pin!(unconstrained(sent.as_mut())).poll(context) {
            Poll::Ready(reply) => Box::pin(std::future::ready(reply)),
            Poll::Pending => sent,
        }
    }

    /// Sends a command and waits for the reply, at most for the response timeout.
    pub(crate) fn send(&self, command: Cmd) -> Sent {
        let mut connection = self.connection.clone();
        Box::pin(async move { connection.send_packed_command(&command).await })
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("has_ended", &self.has_ended())
            .field("has_msetex", &self.has_msetex)
            .finish_non_exhaustive()
    }
}
