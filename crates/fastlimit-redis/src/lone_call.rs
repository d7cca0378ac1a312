use std::sync::Arc;
use std::task::{Context, Waker};

use crate::batch::{Answer, Batch, Subject};
use crate::driver::{self, Driver};
use crate::failure;
use crate::lanes::{Lane, Sent};
use crate::shape::Shape;
use crate::store::Inner;

/// A call of one item, made where nothing else is under way on its lane. Its caller waits for it
/// without a driver, which would cost both two more turns of the runtime.
///
/// Dropped early, it leaves the same behind as one that was answered: what came to wait meanwhile
/// gets a driver.
pub(crate) struct LoneCall {
    store: Arc<Inner>,
    lane: Arc<Lane>,
    batch: Batch,
    sent: Sent,
}

impl LoneCall {
    /// Sends an item; `None` if it has to wait in the queue. The current runtime must be the lane's.
    pub(crate) fn send(
        store: &Arc<Inner>,
        lane: &Arc<Lane>,
        subject: &impl Subject,
        shape: &Shape,
    ) -> Option<Self> {
        if !lane.queue().begin_alone() {
            return None;
        }
        let batch = Batch::of_one(subject, shape);
        // Sent before anything that is asked for later, whoever polls first. Who waits for the
        // answer polls again.
        let context = &mut Context::from_waker(Waker::noop());
        let sent = lane.send_now(batch.call(store.now(), lane.has_msetex()), context);
        Some(Self {
            store: Arc::clone(store),
            lane: Arc::clone(lane),
            batch,
            sent,
        })
    }

    /// Waits for the answer, at most for the response timeout.
    pub(crate) async fn answer(mut self) -> Answer {
        let reply = self.sent.as_mut().await;
        let mut answers = driver::answers(&self.store, &self.lane, &self.batch, reply).await;
        if let Some(lost) = answers.lost {
            self.store.lose(&self.lane, &lost);
        }
        let garbled = || Answer::Is(Err(failure::not_understood(self.store.endpoint())));
        answers.all.pop().unwrap_or_else(garbled)
    }
}

impl Drop for LoneCall {
    fn drop(&mut self) {
        if self.lane.queue().end_alone() {
            Driver::start(&self.store, &self.lane);
        }
    }
}
