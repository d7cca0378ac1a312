use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use fastlimit_core::{StoreError, Timestamp};
use futures_util::future::join;
use redis::{Cmd, RedisResult, Value};
use tokio::task::unconstrained;

use crate::batch::{Batch, by_source};
use crate::dial::Connection;

type Sent = Pin<Box<dyn Future<Output = RedisResult<Value>> + Send>>;

/// The calls that are under way on a connection, in their order, which is that of the replies.
pub(super) struct Calls {
    connection: Connection,
    under_way: VecDeque<Call>,
    /// How many bytes the connection had written when the first of the calls was made; `None` once one
    /// of them was answered.
    written_before: Option<u64>,
    /// When the last reply came.
    heard_at: Option<Instant>,
}

struct Call {
    batch: Batch,
    reply: Sent,
    is_by_source: bool,
    lesson: Option<usize>,
    sent_at: Instant,
}

/// A call that is over.
pub(super) struct Replied {
    pub(super) batch: Batch,
    /// Whether the server was sent the script itself.
    pub(super) is_by_source: bool,
    /// Of the last call of a batch how many items left together.
    pub(super) lesson: Option<usize>,
    pub(super) reply: Value,
    pub(super) took: Duration,
}

impl Calls {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            under_way: VecDeque::new(),
            written_before: None,
            heard_at: None,
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Sends a batch.
    pub(super) async fn send(
        &mut self,
        batch: Batch,
        now: Option<Timestamp>,
        lesson: Option<usize>,
    ) {
        let call = batch.call(now, self.connection.has_msetex());
        self.send_call(batch, call, false, lesson).await;
    }

    /// Sends a batch with the script's source.
    pub(super) async fn send_by_source(&mut self, batch: Batch, now: Option<Timestamp>) {
        let call = by_source(&batch.call(now, self.connection.has_msetex()));
        self.send_call(batch, call, true, None).await;
    }

    async fn send_call(
        &mut self,
        batch: Batch,
        call: Cmd,
        is_by_source: bool,
        lesson: Option<usize>,
    ) {
        if batch.len() == 0 {
            return;
        }
        if self.under_way.is_empty() {
            self.written_before = Some(self.connection.written());
        }
        // Sent at the first poll also where this task has had its share of the runtime: the order of
        // what is sent is that of the replies.
        let sent = unconstrained(self.connection.send(call));
        let mut reply: Sent = if batch.is_asking() {
            // It holds for the next command. Nobody else sends on this connection.
            let asking = unconstrained(self.connection.send(redis::cmd("ASKING")));
            Box::pin(async move { join(asking, sent).await.1 })
        } else {
            Box::pin(sent)
        };
        // The first poll puts it on its way.
        let first = poll_fn(|context| Poll::Ready(reply.as_mut().poll(context))).await;
        if let Poll::Ready(result) = first {
            reply = Box::pin(std::future::ready(result));
        }
        self.under_way.push_back(Call {
            batch,
            reply,
            is_by_source,
            lesson,
            sent_at: Instant::now(),
        });
    }

    /// Waits for the next reply; for ever if none is to come. After an error, which means that the
    /// connection is broken, nothing else comes.
    pub(super) async fn next(&mut self) -> RedisResult<Replied> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next reply if it has come.
    pub(super) async fn next_if_here(&mut self) -> Option<RedisResult<Replied>> {
        poll_fn(|context| match self.poll_next(context) {
            Poll::Ready(replied) => Poll::Ready(Some(replied)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<RedisResult<Replied>> {
        let Some(call) = self.under_way.front_mut() else {
            return Poll::Pending;
        };
        let reply = match ready!(call.reply.as_mut().poll(context)) {
            Ok(reply) => reply,
            // Still under way: nothing is known of it.
            Err(error) => {
                call.reply = Box::pin(std::future::pending());
                return Poll::Ready(Err(error));
            }
        };
        self.written_before = None;
        self.heard_at = Some(Instant::now());
        match self.under_way.pop_front() {
            Some(call) => Poll::Ready(Ok(Replied {
                batch: call.batch,
                is_by_source: call.is_by_source,
                lesson: call.lesson,
                reply,
                took: call.sent_at.elapsed(),
            })),
            None => Poll::Pending,
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Gives those an error whose time is up.
    pub(super) fn expire(&mut self, now: Instant, error: &StoreError) {
        for call in &mut self.under_way {
            call.batch.expire(now, error).wake();
        }
    }

    /// The first deadline of what is under way, or a time before it.
    pub(super) fn earliest(&self) -> Option<Instant> {
        let calls = self.under_way.iter();
        calls.filter_map(|call| call.batch.earliest()).min()
    }

    /// Until when something has to be heard while a call is under way: `patience` after the last reply,
    /// or after the call.
    pub(super) fn patient_until(&self, patience: Duration) -> Option<Instant> {
        let first = self.under_way.front()?;
        let since = self.heard_at.into_iter().chain([first.sent_at]).max()?;
        since.checked_add(patience)
    }

    /// Ends the connection. Returns what was under way, and whether it is known that nothing of it was
    /// ever written.
    pub(super) fn end(self) -> (Vec<Batch>, bool) {
        let is_unwritten = self.written_before == Some(self.connection.written());
        let batches = self.under_way.into_iter().map(|call| call.batch);
        (batches.collect(), is_unwritten)
    }
}
