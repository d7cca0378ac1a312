use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fastlimit_core::StoreError;
use tokio::sync::Notify;

use crate::batch::{Batch, ItemKey, MOST_ITEMS, Ticket, Wakers};
use crate::failure;
use crate::shape::Shape;

/// The batches that wait for a lane, between those who ask, on any thread, and the worker that sends.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// The same as in the state, to be looked at without the lock.
    is_open: AtomicBool,
    /// Wakes the worker.
    woken: Notify,
    most_waiting: usize,
}

#[derive(Debug, Default)]
struct State {
    /// Items go to the last one, as long as it has room for those that come together.
    batches: VecDeque<Batch>,
    /// The items in them.
    waiting: usize,
    gate: Gate,
    /// Whether the worker has found nothing to send, and has room for it.
    is_awaited: bool,
    /// When the worker looks for items whose time is up.
    armed: Option<Instant>,
}

/// Whether what is asked can be sent.
#[derive(Debug, Default)]
enum Gate {
    /// There is no connection yet, and none is known to fail: what is asked waits for it.
    #[default]
    Opening,
    Open,
    /// It is known that nothing can be sent, and why: what is asked fails at once.
    Shut(StoreError),
}

/// What is asked for one key.
pub(crate) struct Ask<K> {
    pub(crate) key: K,
    pub(crate) shape: Shape,
    /// When its caller stops waiting.
    pub(crate) deadline: Instant,
}

impl Queue {
    pub(super) fn new(most_waiting: usize) -> Self {
        Self {
            state: Mutex::default(),
            is_open: AtomicBool::new(false),
            woken: Notify::new(),
            most_waiting,
        }
    }

    /// Adds what leaves together, in one batch if one holds it all. A ticket for each, or the error
    /// that is the answer to all: nothing was added then.
    pub(crate) fn add<K: ItemKey>(&self, asks: &[Ask<K>]) -> Result<Vec<Ticket>, StoreError> {
        let mut tickets = Vec::with_capacity(asks.len());
        let mut state = self.state_to_add(asks.len())?;
        for asks in asks.chunks(MOST_ITEMS) {
            let work = asks.iter().map(|ask| ask.shape.work());
            let work = work.fold(0, usize::saturating_add);
            let mut batch = state.take_open(asks.len(), work);
            for ask in asks {
                if !batch.has_room_for(1, ask.shape.work()) {
                    state.batches.push_back(std::mem::take(&mut batch));
                }
                tickets.push(batch.add(&ask.key, &ask.shape, ask.deadline));
            }
            state.batches.push_back(batch);
        }
        let deadline = asks.iter().map(|ask| ask.deadline).min();
        self.wake_if_needed(state, deadline);
        Ok(tickets)
    }

    /// Adds what is asked for one key, as [`Queue::add`] does.
    pub(crate) fn add_one<K: ItemKey>(&self, ask: &Ask<K>) -> Result<Ticket, StoreError> {
        let mut state = self.state_to_add(1)?;
        let mut batch = state.take_open(1, ask.shape.work());
        let ticket = batch.add(&ask.key, &ask.shape, ask.deadline);
        state.batches.push_back(batch);
        self.wake_if_needed(state, Some(ask.deadline));
        Ok(ticket)
    }

    fn state_to_add(&self, items: usize) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.state();
        if let Gate::Shut(error) = &state.gate {
            return Err(error.clone());
        }
        let waiting = state.waiting.saturating_add(items);
        if waiting > self.most_waiting {
            return Err(failure::too_many_wait(self.most_waiting));
        }
        state.waiting = waiting;
        Ok(state)
    }

    fn wake_if_needed(&self, mut state: MutexGuard<'_, State>, deadline: Option<Instant>) {
        let is_early =
            deadline.is_some_and(|deadline| state.armed.is_none_or(|armed| deadline < armed));
        let is_awaited = std::mem::take(&mut state.is_awaited);
        drop(state);
        if is_awaited || is_early {
            self.woken.notify_one();
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Whether what is asked waits for a connection.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.state().gate, Gate::Opening)
    }

    pub(super) fn open(&self) {
        self.set(Gate::Open);
    }

    pub(super) fn open_later(&self) {
        self.set(Gate::Opening);
    }

    /// Has what waits, and what comes, fail with an error.
    pub(super) fn shut(&self, error: &StoreError) {
        self.set(Gate::Shut(error.clone()));
        for batch in self.drain() {
            batch.fail(error);
        }
    }

    fn set(&self, gate: Gate) {
        let mut state = self.state();
        let is_open = matches!(gate, Gate::Open);
        state.gate = gate;
        state.is_awaited = false;
        self.is_open.store(is_open, Ordering::Release);
    }

    /// Takes out all that waits.
    pub(super) fn drain(&self) -> VecDeque<Batch> {
        let mut state = self.state();
        state.waiting = 0;
        std::mem::take(&mut state.batches)
    }

    /// Puts batches in front that had left another queue, or this one, and were not sent. They fail
    /// where what is asked does.
    pub(super) fn put_back(&self, batches: impl DoubleEndedIterator<Item = Batch>) {
        let mut state = self.state();
        let error = match &state.gate {
            Gate::Shut(error) => Some(error.clone()),
            Gate::Opening | Gate::Open => None,
        };
        if let Some(error) = error {
            drop(state);
            batches.for_each(|batch| batch.fail(&error));
            return;
        }
        let mut earliest: Option<Instant> = None;
        for batch in batches.rev() {
            state.waiting = state.waiting.saturating_add(batch.len());
            earliest = earliest.into_iter().chain(batch.earliest()).min();
            state.batches.push_front(batch);
        }
        if earliest.is_some() {
            self.wake_if_needed(state, earliest);
        }
    }

    /// Takes the first batch, at most so many items of it, without those who are gone by a time and
    /// get an error; `None` if nobody waits, and then the next who asks wakes the worker.
    pub(super) fn take(
        &self,
        most: usize,
        gone_by: Instant,
        error: impl Fn() -> StoreError,
    ) -> Option<Batch> {
        let mut too_late = Wakers::default();
        let batch = self.take_in_time(most, gone_by, error, &mut too_late);
        too_late.wake();
        batch
    }

    fn take_in_time(
        &self,
        most: usize,
        gone_by: Instant,
        error: impl Fn() -> StoreError,
        too_late: &mut Wakers,
    ) -> Option<Batch> {
        let mut state = self.state();
        loop {
            let Some(batch) = state.batches.pop_front() else {
                state.is_awaited = true;
                return None;
            };
            let (mut batch, rest) = batch.split(most);
            if batch.earliest().is_some_and(|earliest| earliest <= gone_by) {
                too_late.extend(batch.expire(gone_by, &error()));
            }
            state.waiting = state.waiting.saturating_sub(batch.len());
            if let Some(rest) = rest {
                state.batches.push_front(rest);
            }
            let batch = batch.still_wanted();
            if batch.len() > 0 {
                return Some(batch);
            }
        }
    }

    /// Gives those an error whose time is up, and returns when the next one's is, or `other` if that is
    /// earlier. It is noted as the time when the worker looks again, before anybody can add to it.
    pub(super) fn expire(
        &self,
        now: Instant,
        error: &StoreError,
        other: Option<Instant>,
    ) -> Option<Instant> {
        let mut locked = self.state();
        let state = &mut *locked;
        let (mut earliest, mut gone, mut wakers) = (other, 0_usize, Wakers::default());
        state.batches.retain_mut(|batch| {
            wakers.extend(batch.expire(now, error));
            earliest = earliest.into_iter().chain(batch.earliest()).min();
            if batch.earliest().is_none() {
                gone = gone.saturating_add(batch.len());
            }
            batch.earliest().is_some()
        });
        state.waiting = state.waiting.saturating_sub(gone);
        state.armed = earliest;
        drop(locked);
        wakers.wake();
        earliest
    }

    /// Notes when the worker looks for those whose time is up.
    pub(super) fn arm(&self, at: Option<Instant>) {
        self.state().armed = at;
    }

    /// Waits until the worker has something to do, for what is asked.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// The first deadline of what waits, or a time before it.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.state()
            .batches
            .iter()
            .filter_map(Batch::earliest)
            .min()
    }

    /// Nothing panics while the lock is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out the last batch if it has room for so many items of so much work together, else one
    /// that is new.
    fn take_open(&mut self, items: usize, work: usize) -> Batch {
        match self.batches.pop_back() {
            Some(last) if last.has_room_for(items, work) => last,
            Some(full) => {
                self.batches.push_back(full);
                Batch::default()
            }
            None => Batch::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fastlimit_core::store::{Key, Operation, Request};
    use fastlimit_core::{Cost, Limit, StoreErrorKind};

    use super::*;
    use crate::batch::TextKey;

    fn ask(text: &str, millis: u64) -> Ask<TextKey<'_>> {
        let limit: Limit = "5/second".parse().unwrap();
        let check = Operation::Check(Cost::ONE);
        let request = Request::new(Key::new("fl", "p", "default", "i"), limit, check);
        Ask {
            key: TextKey { text, hash: 0 },
            shape: Shape::new(&request).unwrap(),
            deadline: Instant::now() + Duration::from_millis(millis),
        }
    }

    /// An open queue in which so many wait, with their tickets.
    fn filled(count: usize, most: usize) -> (Queue, Vec<Ticket>) {
        let queue = Queue::new(most);
        queue.open();
        let tickets = (0..count).map(|number| {
            let number = number.to_string();
            queue.add_one(&ask(&number, 1_000_000)).unwrap()
        });
        let tickets = tickets.collect();
        (queue, tickets)
    }

    fn take(queue: &Queue, most: usize) -> Option<Batch> {
        queue.take(most, Instant::now(), || error("too late"))
    }

    fn numbers(batch: &Batch) -> Vec<usize> {
        let keys = batch.keys_of_items();
        keys.map(|key| key.parse().unwrap()).collect()
    }

    /// Whether the worker was woken since this was asked last.
    fn is_woken(queue: &Queue) -> bool {
        let mut woken = std::pin::pin!(queue.woken());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        woken.as_mut().poll(&mut context).is_ready()
    }

    fn error(text: &str) -> StoreError {
        StoreError::new(StoreErrorKind::NotSent, text)
    }

    #[test]
    fn items_wait_in_their_order_in_as_few_batches_as_hold_them() {
        let (queue, _tickets) = filled(600, 1_000);
        let batches: Vec<_> = std::iter::from_fn(|| take(&queue, MOST_ITEMS)).collect();
        let sizes: Vec<_> = batches.iter().map(Batch::len).collect();
        assert_eq!(sizes, [256, 256, 88]);
        assert!(batches.iter().flat_map(numbers).eq(0..600));
    }

    #[test]
    fn items_that_come_together_wait_in_one_batch() {
        let queue = Queue::new(1_000);
        let add = |numbers: std::ops::Range<usize>| {
            let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
            let asks: Vec<_> = numbers.iter().map(|text| ask(text, 1_000_000)).collect();
            let tickets = queue.add(&asks).unwrap();
            assert_eq!(tickets.len(), asks.len());
            tickets
        };
        let _tickets = [
            0..0,
            0..254,
            254..256,
            256..506,
            506..513,
            513..514,
            514..800,
        ]
        .map(add);
        let batches: Vec<_> = std::iter::from_fn(|| take(&queue, MOST_ITEMS)).collect();
        let sizes: Vec<_> = batches.iter().map(Batch::len).collect();
        assert_eq!(sizes, [256, 250, 8, 256, 30]);
        assert!(batches.iter().flat_map(numbers).eq(0..800));
    }

    #[test]
    fn who_comes_after_a_split_has_a_ticket_of_his_own() {
        let (queue, _tickets) = filled(20, 100);
        let first = take(&queue, 9).unwrap();
        let mut late = queue.add_one(&ask("late", 1_000_000)).unwrap();
        for batch in [Some(first), take(&queue, 256)].into_iter().flatten() {
            batch.fail(&error("of those before"));
        }
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(
            std::pin::Pin::new(&mut late)
                .poll(&mut context)
                .is_pending()
        );
        take(&queue, 256).unwrap().fail(&error("late"));
        assert!(std::pin::Pin::new(&mut late).poll(&mut context).is_ready());
    }

    #[test]
    fn a_lane_takes_as_many_as_it_may() {
        let (queue, _tickets) = filled(300, 1_000);
        let sizes = [100, 100, 1, 256].map(|most| take(&queue, most).unwrap().len());
        assert_eq!(sizes, [100, 100, 1, 55]);
        assert_eq!(take(&queue, 256).unwrap().len(), 44);
        assert!(take(&queue, 256).is_none());
    }

    #[test]
    fn one_more_than_may_wait_is_refused() {
        let (queue, _tickets) = filled(10, 10);
        let refused = queue.add_one(&ask("10", 1_000)).unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::NotSent);
        assert!(
            refused.message().contains("10 requests may wait"),
            "{refused}"
        );
        assert!(queue.add(&[ask("a", 1), ask("b", 1)]).is_err());
        assert_eq!(take(&queue, 1).unwrap().len(), 1);
        assert!(queue.add(&[ask("a", 1), ask("b", 1)]).is_err());
        let _ticket = queue.add_one(&ask("a", 1_000)).unwrap();
    }

    #[test]
    fn those_whose_time_is_up_make_room() {
        let queue = Queue::new(2);
        let _tickets = [ask("a", 0), ask("b", 0)].map(|ask| queue.add_one(&ask).unwrap());
        assert!(queue.add_one(&ask("c", 0)).is_err());
        let now = Instant::now() + Duration::from_millis(1);
        assert_eq!(queue.expire(now, &error("late"), None), None);
        let late = ask("c", 1_000);
        let _ticket = queue.add_one(&late).unwrap();
        let deadline = Some(late.deadline);
        assert_eq!(queue.expire(now, &error("late"), None), deadline);
        assert_eq!(queue.expire(now, &error("late"), Some(now)), Some(now));
        assert_eq!(queue.earliest(), Some(late.deadline));
    }

    #[test]
    fn what_cannot_be_answered_in_time_is_not_taken() {
        let queue = Queue::new(10);
        let mut late = queue.add_one(&ask("0", 1_000)).unwrap();
        let _in_time = queue.add_one(&ask("1", 3_000)).unwrap();
        let gone_by = Instant::now() + Duration::from_secs(2);
        let taken = queue.take(256, gone_by, || error("too late")).unwrap();
        assert_eq!(numbers(&taken), [1]);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::Pin::new(&mut late).poll(&mut context).is_ready());
    }

    #[test]
    fn the_worker_is_woken_where_it_would_sleep_on() {
        let queue = Queue::new(100);
        // There is no connection, and nobody looks for those whose time is up.
        let first = ask("a", 1_000);
        let _first = queue.add_one(&first).unwrap();
        assert!(is_woken(&queue));
        queue.arm(Some(first.deadline));
        let _second = queue.add_one(&ask("b", 2_000)).unwrap();
        assert!(!is_woken(&queue));
        let _third = queue.add_one(&ask("c", 500)).unwrap();
        assert!(is_woken(&queue));
        // There is one, and the worker has nothing to do.
        queue.open();
        assert_eq!(take(&queue, 256).unwrap().len(), 3);
        let _fourth = queue.add_one(&ask("d", 2_000)).unwrap();
        assert!(!is_woken(&queue), "it has not found out that nobody waits");
        assert_eq!(take(&queue, 256).unwrap().len(), 1);
        assert!(take(&queue, 256).is_none());
        let _fifth = queue.add_one(&ask("e", 2_000)).unwrap();
        assert!(is_woken(&queue));
        let _sixth = queue.add_one(&ask("f", 2_000)).unwrap();
        assert!(!is_woken(&queue));
    }

    #[test]
    fn a_shut_queue_fails_what_waits_and_what_comes() {
        let (queue, tickets) = filled(3, 10);
        queue.shut(&error("down"));
        assert!(!queue.is_open() && !queue.is_opening());
        assert!(take(&queue, 256).is_none());
        assert_eq!(queue.add_one(&ask("a", 1)).unwrap_err().message(), "down");
        for ticket in tickets {
            let mut ticket = std::pin::pin!(ticket);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(ticket.as_mut().poll(&mut context).is_ready());
        }
        queue.open_later();
        assert!(queue.is_opening());
        let _ticket = queue.add_one(&ask("a", 1)).unwrap();
    }

    #[test]
    fn what_was_not_sent_goes_in_front() {
        let (queue, _tickets) = filled(2, 10);
        let taken = take(&queue, 256).unwrap();
        let _third = queue.add_one(&ask("2", 1_000_000)).unwrap();
        queue.put_back(std::iter::once(taken));
        let batches = std::iter::from_fn(|| take(&queue, 256)).collect::<Vec<_>>();
        assert!(batches.iter().flat_map(numbers).eq(0..3));
        // Those of another queue, too.
        let (other, _other_tickets) = filled(2, 10);
        queue.put_back(other.drain().into_iter());
        assert_eq!(take(&queue, 256).unwrap().len(), 2);
    }
}
