use std::sync::Arc;
use std::task::{Context, Waker};

use crate::batch::{Answer, Batch, ItemKey};
use crate::driver::{self, Driver};
use crate::failure;
use crate::lanes::{Lane, Sent};
use crate::shape::Shape;
use crate::store::Inner;

/// A call of one item, made where nothing else is under way on its lane. Its caller waits for it
/// without a driver, which would cost both two more turns of the runtime.
///
/// A caller who goes away leaves it to a driver, so that a server that does not answer is found out
/// whoever waits.
pub(crate) struct LoneCall {
    store: Arc<Inner>,
    lane: Arc<Lane>,
    /// What was sent and has no answer yet.
    under_way: Option<(Batch, Sent)>,
}

impl LoneCall {
    /// Sends an item; `None` if it has to wait in the queue. The current runtime must be the lane's.
    pub(crate) fn send(
        store: &Arc<Inner>,
        lane: &Arc<Lane>,
        key: &impl ItemKey,
        shape: &Shape,
    ) -> Option<Self> {
        if !lane.queue().begin_alone() {
            return None;
        }
        // From here on it is counted out by being dropped.
        let mut call = Self {
            store: Arc::clone(store),
            lane: Arc::clone(lane),
            under_way: None,
        };
        let batch = Batch::of_one(key, shape);
        // Sent before anything that is asked for later, whoever polls first. Who waits for the
        // answer polls again.
        let context = &mut Context::from_waker(Waker::noop());
        let sent = lane.send_now(batch.call(store.now(), lane.has_msetex()), context);
        call.under_way = Some((batch, sent));
        Some(call)
    }

    /// Waits for the answer, at most for the response timeout.
    pub(crate) async fn answer(mut self) -> Answer {
        let reply = match &mut self.under_way {
            Some((_, sent)) => Some(sent.await),
            None => None,
        };
        let answer = match (self.under_way.take(), reply) {
            (Some((batch, _)), Some(reply)) => {
                let mut finished = driver::finish(&self.store, &self.lane, &batch, reply).await;
                if let Some(lost) = finished.lost {
                    self.store.lose(&self.lane, &lost);
                }
                finished.answers.pop()
            }
            _ => None,
        };
        let garbled = || Answer::Is(Err(failure::not_understood(self.store.endpoint())));
        answer.unwrap_or_else(garbled)
    }
}

impl Drop for LoneCall {
    fn drop(&mut self) {
        match self.under_way.take() {
            Some((batch, sent)) => Driver::take_over(&self.store, &self.lane, batch, sent),
            None if self.lane.queue().end_alone() => Driver::start(&self.store, &self.lane),
            None => {}
        }
    }
}
