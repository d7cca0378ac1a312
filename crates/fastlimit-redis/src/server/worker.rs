use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastlimit_core::StoreError;
use redis::RedisResult;
use tokio::select;
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep, sleep_until};

use super::Server;
use super::answers::{self, Outcome};
use super::calls::{Calls, Replied};
use super::pace::Pace;
use super::queue::Queue;
use crate::batch::Batch;
use crate::dial::Connection;
use crate::failure;
use crate::slot::slot_of;

/// The calls that may be under way on a lane: while the server works on one, the next is there.
const MOST_CALLS: usize = 2;

/// The same on a server of a cluster, where the keys of a call have one slot, so that calls are small.
const MOST_CALLS_OF_CLUSTER: usize = 64;

/// How long a connection lasts that was of use though nothing was sent by it.
const LASTING: Duration = Duration::from_secs(1);

/// What serves one lane of a server, on the thread of the store: it connects, sends what waits, gives
/// the answers, and connects again when the connection is lost.
pub(super) struct Worker {
    server: Arc<Server>,
    queue: Arc<Queue>,
    pace: Pace,
    timer: Timer,
    /// Whether the connection has brought an answer.
    has_answered: bool,
    /// Whether it has lasted for a while without having to.
    is_lasting: bool,
}

/// Wakes the worker when the time of somebody who waits is up.
struct Timer {
    sleep: Pin<Box<Sleep>>,
    armed: Option<Instant>,
}

/// Why a connection is of no use any more.
enum Lost {
    /// It was closed, or it broke.
    Ended(StoreError),
    /// What was sent was not answered.
    Silent,
    /// The server does not do what is asked, and another connection may lead to one that does.
    Refused(StoreError),
}

impl Worker {
    /// Serves a lane for ever.
    pub(super) async fn run(server: Arc<Server>, queue: Arc<Queue>) {
        let mut worker = Self {
            pace: Pace::new(server.timeout()),
            server,
            queue,
            timer: Timer::new(),
            has_answered: false,
            is_lasting: false,
        };
        loop {
            let connection = worker.connect().await;
            (worker.has_answered, worker.is_lasting) = (false, false);
            worker.queue.open();
            let mut calls = Calls::new(connection);
            let lost = worker.serve(&mut calls).await;
            worker.answer_what_is_here(&mut calls).await;
            worker.lose(calls, lost);
        }
    }

    /// Connects, however long it takes. Nobody waits longer than for his time.
    async fn connect(&mut self) -> Connection {
        let server = Arc::clone(&self.server);
        let mut connected = pin!(server.connect());
        loop {
            select! {
                connection = &mut connected => return connection,
                () = self.queue.woken() => self.timer.set(self.queue.earliest(), &self.queue),
                () = self.timer.rings() => self.expire(None),
            }
        }
    }

    /// Serves what waits by a connection until that is lost.
    async fn serve(&mut self, calls: &mut Calls) -> Lost {
        let mut ended = pin!(calls.connection().ended());
        let server = Arc::clone(&self.server);
        let mut moved = pin!(server.moved());
        // Of use without a call, too: a server may close what is idle.
        let mut is_lasting = pin!(sleep(LASTING));
        loop {
            while calls.len() < self.most_calls()
                && let Some(batch) = self.take(calls)
            {
                self.timer.set(batch.earliest(), &self.queue);
                self.send(calls, batch).await;
            }
            select! {
                // What has come counts, whatever else has happened.
                biased;
                replied = calls.next() => {
                    if let Some(lost) = self.answer(calls, replied).await {
                        return lost;
                    }
                }
                () = &mut ended => return Lost::Ended(failure::closed(self.server.name())),
                () = &mut moved => return Lost::Ended(failure::moved(self.server.name())),
                () = &mut is_lasting, if !self.is_lasting && calls.is_empty() => {
                    self.is_lasting = true;
                }
                () = self.queue.woken() => self.timer.set(self.queue.earliest(), &self.queue),
                () = self.timer.rings() => {
                    // An answer that stands in the socket counts: the first turn of the runtime reads
                    // it, the second brings it here.
                    yield_now().await;
                    yield_now().await;
                    if let Some(lost) = self.answer_what_is_here(calls).await {
                        return lost;
                    }
                    self.expire(Some(calls));
                    if self.is_silent(calls) {
                        self.pace.unanswered();
                        return Lost::Silent;
                    }
                }
            }
        }
    }

    /// Gives the answers of the replies that are there.
    async fn answer_what_is_here(&mut self, calls: &mut Calls) -> Option<Lost> {
        while let Some(replied) = calls.next_if_here().await {
            let lost = self.answer(calls, replied).await;
            if lost.is_some() {
                return lost;
            }
        }
        None
    }

    /// Takes the next batch, without those to whom the answer would come too late: where more is asked
    /// than is answered, they would be charged for nothing. Where nothing is under way, an answer may
    /// come sooner than the last.
    fn take(&self, calls: &Calls) -> Option<Batch> {
        let expected = match calls.len() {
            0 => Duration::ZERO,
            _ => self.pace.expected(),
        };
        let now = Instant::now();
        let gone_by = now.checked_add(expected).unwrap_or(now);
        let too_late = || failure::too_late(self.server.name());
        self.queue.take(self.pace.most(), gone_by, too_late)
    }

    /// Sends a batch, in a cluster a call for each slot. The last call of a batch teaches the pace.
    async fn send(&self, calls: &mut Calls, batch: Batch) {
        let (now, items) = (self.server.now(), batch.len());
        if !self.server.is_of_cluster() {
            return calls.send(batch, now, Some(items)).await;
        }
        let mut batches = batch.by(slot_of).into_iter().peekable();
        while let Some(batch) = batches.next() {
            let lesson = batches.peek().is_none().then_some(items);
            calls.send(batch, now, lesson).await;
        }
    }

    fn most_calls(&self) -> usize {
        match self.server.is_of_cluster() {
            true => MOST_CALLS_OF_CLUSTER,
            false => MOST_CALLS,
        }
    }

    /// Gives the answers that a reply holds.
    async fn answer(&mut self, calls: &mut Calls, replied: RedisResult<Replied>) -> Option<Lost> {
        let Replied {
            batch,
            is_by_source,
            lesson,
            reply,
            took,
        } = match replied {
            Ok(replied) => replied,
            Err(error) => return Some(Lost::Ended(failure::lost(self.server.name(), error))),
        };
        if let Some(items) = lesson {
            self.pace.answered(items, took);
        }
        let outcome = answers::read(self.server.name(), &batch, is_by_source, &reply);
        if !matches!(outcome, Outcome::Last(..)) && !self.has_answered {
            self.has_answered = true;
            self.server.has_answered();
        }
        match outcome {
            Outcome::Answers(answers) => {
                self.server.knows_its_cluster(true);
                batch.answer(answers.into_iter());
            }
            Outcome::Lost(answers) => {
                self.server.knows_its_cluster(false);
                batch.answer(answers.into_iter());
            }
            Outcome::Last(answers, error) => {
                self.has_answered = false;
                // Before the callers know, so that whoever asks again at once goes another way.
                self.server.leave_lane(&self.queue, error.as_ref());
                batch.answer(answers.into_iter());
                let closed = || Lost::Ended(failure::closed(self.server.name()));
                return Some(error.map_or_else(closed, Lost::Refused));
            }
            Outcome::ScriptMissing => {
                let now = self.server.now();
                calls.send_by_source(batch.still_wanted(), now).await;
            }
            Outcome::Elsewhere(elsewhere, said) => {
                let batch = batch.still_wanted();
                self.server.send_elsewhere(elsewhere, batch, &said);
            }
            Outcome::AboutAKey => {
                for alone in batch.still_wanted().each_alone() {
                    match self.server.is_of_cluster() {
                        true => self.server.route(alone),
                        false => calls.send(alone, self.server.now(), None).await,
                    }
                }
            }
        }
        None
    }

    /// Gives those an error whose time is up.
    fn expire(&mut self, calls: Option<&mut Calls>) {
        let now = Instant::now();
        let mut of_calls = None;
        if let Some(calls) = calls {
            calls.expire(now, &failure::unanswered(self.server.name()));
            let patient_until = calls.patient_until(self.server.timeout());
            of_calls = calls.earliest().into_iter().chain(patient_until).min();
        }
        let too_late = failure::too_late(self.server.name());
        self.timer
            .ring_at(self.queue.expire(now, &too_late, of_calls));
    }

    /// Whether nothing was heard for so long that nothing will be.
    fn is_silent(&self, calls: &Calls) -> bool {
        let until = calls.patient_until(self.server.timeout());
        until.is_some_and(|until| until <= Instant::now())
    }

    /// Gives a connection up.
    fn lose(&mut self, calls: Calls, lost: Lost) {
        let (batches, is_unwritten) = calls.end();
        let name = self.server.name();
        let (unknown, known_down) = match lost {
            Lost::Ended(error) => (error, None),
            Lost::Silent => (failure::unanswered(name), Some(failure::silent(name))),
            Lost::Refused(error) => (failure::closed(name), Some(error)),
        };
        let unsent = match is_unwritten {
            true => batches,
            false => {
                for batch in &batches {
                    batch.fail(&unknown);
                }
                Vec::new()
            }
        };
        let was_of_use = (self.has_answered || self.is_lasting) && known_down.is_none();
        self.server
            .lost(&self.queue, was_of_use, known_down.as_ref(), unsent);
    }
}

impl Drop for Worker {
    /// Nobody waits for ever where the thread is gone.
    fn drop(&mut self) {
        self.queue.shut(&failure::store_ended_before());
    }
}

impl Timer {
    fn new() -> Self {
        Self {
            sleep: Box::pin(sleep_until(tokio::time::Instant::now())),
            armed: None,
        }
    }

    /// Waits until the time that is set; for ever if none is.
    async fn rings(&mut self) {
        match self.armed {
            Some(_) => self.sleep.as_mut().await,
            None => std::future::pending().await,
        }
    }

    /// Sees to it that the timer rings at a time, or before.
    fn set(&mut self, at: Option<Instant>, queue: &Queue) {
        let is_earlier = at.is_some_and(|at| self.armed.is_none_or(|armed| at < armed));
        if is_earlier {
            self.ring_at(at);
            queue.arm(at);
        }
    }

    fn ring_at(&mut self, at: Option<Instant>) {
        if let Some(at) = at {
            self.sleep.as_mut().reset(at.into());
        }
        self.armed = at;
    }
}
