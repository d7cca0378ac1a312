use std::iter;
use std::sync::Arc;

use fastlimit_core::StoreError;
use redis::{RedisResult, Value};

use crate::batch::{self, Answer, Batch};
use crate::failure;
use crate::lanes::{Lane, Sent};
use crate::replay::{Replayed, replay};
use crate::store::Inner;

/// What sends the batches of a lane, one after the other, until none is left.
///
/// It is a task of the runtime that drives the lane, so a caller who goes away takes nobody's
/// answer along.
pub(crate) struct Driver {
    store: Arc<Inner>,
    lane: Arc<Lane>,
    /// What was sent and has no answer yet.
    under_way: Option<Batch>,
    is_done: bool,
}

impl Driver {
    /// Starts a driver that the lane's queue asked for.
    pub(crate) fn start(store: &Arc<Inner>, lane: &Arc<Lane>) {
        let driver = Self::new(store, lane);
        lane.runtime().spawn(driver.run());
    }

    /// Starts a driver in the place of a caller who sent a batch without one, and went away.
    pub(crate) fn take_over(store: &Arc<Inner>, lane: &Arc<Lane>, batch: Batch, sent: Sent) {
        let mut driver = Self::new(store, lane);
        lane.runtime().spawn(async move {
            driver.finish(batch, sent).await;
            driver.run().await;
        });
    }

    fn new(store: &Arc<Inner>, lane: &Arc<Lane>) -> Self {
        Self {
            store: Arc::clone(store),
            lane: Arc::clone(lane),
            under_way: None,
            is_done: false,
        }
    }

    async fn run(mut self) {
        let (store, lane) = (Arc::clone(&self.store), Arc::clone(&self.lane));
        let call = |batch: &Batch| batch.call(store.now(), lane.has_msetex());
        while let Some((batch, sent)) = lane.send_next(call).await {
            self.finish(batch, sent).await;
        }
        self.is_done = true;
    }

    /// Waits for the reply to a batch, and gives its items their answers.
    async fn finish(&mut self, batch: Batch, sent: Sent) {
        let batch = self.under_way.insert(batch);
        let finished = finish(&self.store, &self.lane, batch, sent.await).await;
        // Before the callers know, so that whoever asks again at once goes by another lane.
        if let Some(lost) = finished.lost {
            self.store.lose(&self.lane, &lost);
        }
        batch.answer(finished.answers.into_iter());
        self.under_way = None;
    }
}

impl Drop for Driver {
    /// Nobody waits for ever where the runtime is gone.
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        self.store.lose(&self.lane, &Lost::Connection);
        if let Some(batch) = self.under_way.take() {
            let endpoint = self.store.endpoint();
            batch.fail(&failure::runtime_gone(endpoint));
        }
    }
}

/// Why a lane is of no use any more.
pub(crate) enum Lost {
    /// It is closed, or what comes by it cannot be trusted: what waits may go another way.
    Connection,
    /// No answer came in time: what waits has waited as long.
    Patience(StoreError),
}

/// What came of a batch.
pub(crate) struct Finished {
    pub(crate) answers: Vec<Answer>,
    pub(crate) lost: Option<Lost>,
}

/// Makes the answers of a batch of the reply to its call.
pub(crate) async fn finish(
    store: &Inner,
    lane: &Lane,
    batch: &Batch,
    reply: RedisResult<Value>,
) -> Finished {
    match &with_script(store, lane, batch, reply).await {
        Ok(Value::ServerError(error)) if batch.keys() > 1 && failure::is_about_a_key(error) => {
            // Nothing was done, and it may be about one of the keys alone.
            one_by_one(store, lane, batch).await
        }
        reply => read(store, batch, reply),
    }
}

/// The reply to a batch; where the server does not know the script, that to the call with its
/// source. It did nothing before, so this is the first time for it.
async fn with_script(
    store: &Inner,
    lane: &Lane,
    batch: &Batch,
    reply: RedisResult<Value>,
) -> RedisResult<Value> {
    match &reply {
        Ok(Value::ServerError(error)) if failure::is_script_missing(error) => {
            let call = batch.call(store.now(), lane.has_msetex());
            lane.send(batch::by_source(&call)).await
        }
        _ => reply,
    }
}

/// Sends each item in a call of its own.
async fn one_by_one(store: &Inner, lane: &Lane, batch: &Batch) -> Finished {
    let mut finished = Finished {
        answers: Vec::with_capacity(batch.len()),
        lost: None,
    };
    for item in batch.items() {
        if finished.lost.is_some() {
            finished.answers.push(Answer::Unsent(item));
            continue;
        }
        let alone = Batch::of_one(&item, &item.shape);
        let reply = lane.send(alone.call(store.now(), lane.has_msetex())).await;
        let reply = with_script(store, lane, &alone, reply).await;
        let of_item = read(store, &alone, &reply);
        finished.answers.extend(of_item.answers);
        finished.lost = of_item.lost;
    }
    finished
}

fn read(store: &Inner, batch: &Batch, reply: &RedisResult<Value>) -> Finished {
    let endpoint = store.endpoint();
    let all = |error: StoreError| {
        let failed = || Answer::Is(Err(error.clone()));
        iter::repeat_with(failed).take(batch.len()).collect()
    };
    let reply = match reply {
        Ok(Value::ServerError(error)) => {
            let is_lost = failure::is_cured_by_reconnecting(error);
            return Finished {
                answers: all(failure::refused(
                    endpoint,
                    error.clone(),
                    batch.keys_of_items(),
                )),
                lost: is_lost.then_some(Lost::Connection),
            };
        }
        Ok(reply) => reply,
        Err(error) => {
            let is_timeout = error.is_timeout();
            let timeout = store.response_timeout();
            return Finished {
                lost: Some(if is_timeout {
                    Lost::Patience(failure::queued_too_long(endpoint, timeout))
                } else {
                    Lost::Connection
                }),
                answers: all(failure::unanswered(endpoint, error.clone(), timeout)),
            };
        }
    };
    let Some(items) = replay(reply, batch) else {
        return Finished {
            answers: all(failure::not_understood(endpoint)),
            // Whatever comes next on this lane cannot be trusted either.
            lost: Some(Lost::Connection),
        };
    };
    let mut lost = None;
    let mut answer = |item, key| {
        Answer::Is(match item {
            Replayed::Decision(decision) => Ok(decision),
            Replayed::ForeignData(what) => Err(failure::foreign_data(key, &what)),
            Replayed::Refused(error) => {
                if failure::is_cured_by_reconnecting(error) {
                    lost = Some(Lost::Connection);
                }
                Err(failure::refused(endpoint, error.clone(), iter::once(key)))
            }
        })
    };
    let answers = items
        .into_iter()
        .zip(batch.keys_of_items())
        .map(|(item, key)| answer(item, key))
        .collect();
    Finished { answers, lost }
}
