use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::batch::{Batch, ItemKey, MOST_ITEMS, Ticket};
use crate::shape::Shape;

/// The batches that wait for a lane, and the calls that are under way on it.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    most_calls: usize,
}

#[derive(Debug, Default)]
struct State {
    /// Items go to the last one, as long as it has room for those that come together.
    batches: VecDeque<Batch>,
    /// The drivers that take batches from here, and the call that was made without one. As long as
    /// there is one, no batch is left behind.
    drivers: usize,
    /// Whether one of them has yet to take its first batch.
    is_starting: bool,
    is_closed: bool,
}

/// What comes of adding to a queue: a ticket, or as many as items were added.
#[derive(Debug)]
pub(crate) struct Added<T> {
    pub(crate) tickets: T,
    /// Whether a driver must be started, which is counted already.
    pub(crate) needs_driver: bool,
}

impl Queue {
    pub(super) fn new(most_calls: usize) -> Self {
        Self {
            state: Mutex::default(),
            most_calls,
        }
    }

    /// Adds an item to the last batch; `None` if the queue is closed.
    pub(crate) fn add(&self, key: &impl ItemKey, shape: &Shape) -> Option<Added<Ticket>> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        let mut batch = state.take_open(1);
        let tickets = batch.add(key, shape);
        state.batches.push_back(batch);
        Some(Added {
            tickets,
            needs_driver: state.call_driver(self.most_calls),
        })
    }

    /// Adds items that leave together, in one batch if one holds them all; `None` if the queue is
    /// closed.
    pub(crate) fn add_all<K: ItemKey>(&self, items: &[(K, Shape)]) -> Option<Added<Vec<Ticket>>> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        let mut tickets = Vec::with_capacity(items.len());
        for items in items.chunks(MOST_ITEMS) {
            let mut batch = state.take_open(items.len());
            tickets.extend(items.iter().map(|(key, shape)| batch.add(key, shape)));
            state.batches.push_back(batch);
        }
        Some(Added {
            tickets,
            needs_driver: !items.is_empty() && state.call_driver(self.most_calls),
        })
    }

    /// Counts in a call that its caller makes without a driver, if nothing is under way or waits:
    /// then nobody could leave together with it. Paired with [`Queue::end_alone`].
    pub(crate) fn begin_alone(&self) -> bool {
        let mut state = self.state();
        let is_idle = !state.is_closed && state.drivers == 0 && state.batches.is_empty();
        if is_idle {
            state.drivers = 1;
        }
        is_idle
    }

    /// Counts such a call out, and tells whether a driver must be started in its place for what
    /// waits, which is counted already.
    pub(crate) fn end_alone(&self) -> bool {
        let mut state = self.state();
        let needs_driver = !state.batches.is_empty() && !state.is_starting;
        if needs_driver {
            state.is_starting = true;
        } else {
            state.drivers = state.drivers.saturating_sub(1);
        }
        needs_driver
    }

    /// Takes the first batch; with none left the driver that asks is counted out.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.state();
        state.is_starting = false;
        let batch = state.batches.pop_front();
        if batch.is_none() {
            state.drivers = state.drivers.saturating_sub(1);
        }
        batch
    }

    /// Closes the queue for good; what waited in it is left to the caller.
    pub(crate) fn close(&self) -> VecDeque<Batch> {
        let mut state = self.state();
        state.is_closed = true;
        std::mem::take(&mut state.batches)
    }

    /// Nothing panics while the lock is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out the last batch if it has room for so many items, else one that is new.
    fn take_open(&mut self, items: usize) -> Batch {
        match self.batches.pop_back() {
            Some(last) if last.has_room_for(items) => last,
            Some(full) => {
                self.batches.push_back(full);
                Batch::default()
            }
            None => Batch::default(),
        }
    }

    /// Tells whether a driver must be started for what was added, and counts it in.
    fn call_driver(&mut self, most_calls: usize) -> bool {
        let needs_driver = !self.is_starting && self.drivers < most_calls;
        if needs_driver {
            self.drivers = self.drivers.saturating_add(1);
            self.is_starting = true;
        }
        needs_driver
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use fastlimit_core::store::{Key, Operation, Request};
    use fastlimit_core::{Cost, Limit};
    use proptest::prelude::*;

    use super::*;
    use crate::batch::Item;

    fn item(number: usize) -> Item {
        let limit: Limit = "5/second".parse().unwrap();
        let check = Operation::Check(Cost::ONE);
        let request = Request::new(Key::new("fl", "p", "default", "i"), limit, check);
        Item {
            hash: 0,
            key: number.to_string().into(),
            shape: Shape::new(&request).unwrap(),
        }
    }

    /// Adds an item; whether it needs a driver, or `None` where it is turned away.
    fn add(queue: &Queue, item: &Item) -> Option<bool> {
        let added = queue.add(item, &item.shape)?;
        Some(added.needs_driver)
    }

    fn numbers(batch: &Batch) -> Vec<usize> {
        batch
            .keys_of_items()
            .map(|key| key.parse().unwrap())
            .collect()
    }

    #[test]
    fn a_driver_is_asked_for_where_none_is_about_to_look() {
        let queue = Queue::new(2);
        let item = item(0);
        assert_eq!(add(&queue, &item), Some(true));
        // It is on its way, and takes this one along.
        assert_eq!(add(&queue, &item), Some(false));
        assert_eq!(queue.take().unwrap().len(), 2);
        // It waits for its answer.
        assert_eq!(add(&queue, &item), Some(true));
        assert_eq!(add(&queue, &item), Some(false));
        assert_eq!(queue.take().unwrap().len(), 2);
        // Two are under way, and that is enough.
        assert_eq!(add(&queue, &item), Some(false));
        assert_eq!(add(&queue, &item), Some(false));
        assert_eq!(queue.take().unwrap().len(), 2);
        // One goes home, and the other is busy.
        assert!(queue.take().is_none());
        assert_eq!(add(&queue, &item), Some(true));
        assert_eq!(queue.take().unwrap().len(), 1);
        assert!(queue.take().is_none());
        assert!(queue.take().is_none());
        assert_eq!(add(&queue, &item), Some(true));
    }

    #[test]
    fn a_call_is_made_alone_where_nothing_could_leave_with_it() {
        let queue = Queue::new(2);
        let item = item(0);
        assert!(queue.begin_alone());
        assert!(!queue.begin_alone());
        // The second call that may be under way.
        assert_eq!(add(&queue, &item), Some(true));
        assert!(!queue.begin_alone());
        assert_eq!(queue.take().unwrap().len(), 1);
        assert_eq!(add(&queue, &item), Some(false));
        // What waits is left to nobody by the end of the first.
        assert!(queue.end_alone());
        assert_eq!(add(&queue, &item), Some(false));
        assert_eq!(queue.take().unwrap().len(), 2);
        assert!(queue.take().is_none());
        assert!(!queue.begin_alone());
        assert!(queue.take().is_none());
        assert!(queue.begin_alone());
        assert!(!queue.end_alone());
        assert!(queue.begin_alone());
        // One that starts takes along what waits.
        assert_eq!(add(&queue, &item), Some(true));
        assert!(!queue.end_alone());
        assert!(!queue.begin_alone());
        assert_eq!(queue.take().unwrap().len(), 1);
        assert!(queue.take().is_none());
        queue.close();
        assert!(!queue.begin_alone());
    }

    #[test]
    fn items_wait_in_their_order_in_as_few_batches_as_hold_them() {
        let queue = Queue::new(2);
        for number in 0..600 {
            let is_first = number == 0;
            assert_eq!(add(&queue, &item(number)), Some(is_first));
        }
        let batches: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        let sizes: Vec<_> = batches.iter().map(Batch::len).collect();
        assert_eq!(sizes, [256, 256, 88]);
        let taken: Vec<_> = batches.iter().flat_map(numbers).collect();
        assert!(taken.into_iter().eq(0..600));
    }

    #[test]
    fn items_that_come_together_wait_in_one_batch() {
        let queue = Queue::new(2);
        let add_all = |numbers: std::ops::Range<usize>| {
            let items: Vec<_> = numbers
                .map(item)
                .map(|item| (item.clone(), item.shape))
                .collect();
            let added = queue.add_all(&items)?;
            assert_eq!(added.tickets.len(), items.len());
            Some(added.needs_driver)
        };
        assert_eq!(add_all(0..0), Some(false));
        assert_eq!(add_all(0..254), Some(true));
        assert_eq!(add_all(254..256), Some(false));
        assert_eq!(add_all(256..506), Some(false));
        // There is room for some of them, not for all.
        assert_eq!(add_all(506..513), Some(false));
        assert_eq!(add(&queue, &item(513)), Some(false));
        assert_eq!(add_all(514..800), Some(false));
        let batches: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        let sizes: Vec<_> = batches.iter().map(Batch::len).collect();
        assert_eq!(sizes, [256, 250, 8, 256, 30]);
        assert!(batches.iter().flat_map(numbers).eq(0..800));
        queue.close();
        assert_eq!(add_all(0..2), None);
    }

    #[test]
    fn a_closed_queue_hands_out_what_waits_and_takes_nothing() {
        let queue = Queue::new(2);
        for number in 0..300 {
            let _ = add(&queue, &item(number));
        }
        assert_eq!(queue.take().unwrap().len(), 256);
        let left = queue.close();
        assert_eq!(left.len(), 1);
        assert!(numbers(&left[0]).into_iter().eq(256..300));
        assert_eq!(add(&queue, &item(300)), None);
        assert!(queue.take().is_none());
        assert!(queue.close().is_empty());
        assert_eq!(add(&queue, &item(301)), None);
    }

    /// What may happen to a queue.
    #[derive(Clone, Copy, Debug)]
    enum Turn {
        /// A request comes, and goes alone where it may.
        Request { is_hurried: bool },
        /// A driver looks for a batch.
        Look(usize),
        /// The call that was made alone is over.
        EndAlone,
    }

    fn turn() -> impl Strategy<Value = Turn> {
        prop_oneof![
            any::<bool>().prop_map(|is_hurried| Turn::Request { is_hurried }),
            (0_usize..4).prop_map(Turn::Look),
            Just(Turn::EndAlone),
        ]
    }

    proptest! {
        /// Whatever the order in which requests come and drivers look.
        #[test]
        fn there_are_never_too_many_drivers_and_none_is_missed(
            most_calls in 1_usize..4,
            turns in prop::collection::vec(turn(), 0..400),
        ) {
            let queue = Queue::new(most_calls);
            let (mut added, mut taken) = (Vec::new(), Vec::new());
            // How many drivers there are, and whether a call was made without one.
            let (mut drivers, mut alone) = (Vec::new(), Vec::new());
            for turn in turns {
                match turn {
                    Turn::Request { is_hurried } => {
                        let is_idle = drivers.is_empty() && alone.is_empty() && taken == added;
                        if is_hurried && queue.begin_alone() {
                            prop_assert!(is_idle);
                            alone.push(());
                        } else {
                            prop_assert!(!is_hurried || !is_idle);
                            let number = added.len();
                            drivers.extend(add(&queue, &item(number)).unwrap().then_some(()));
                            added.push(number);
                        }
                    }
                    Turn::Look(driver) if driver < drivers.len() => match queue.take() {
                        Some(batch) => taken.extend(numbers(&batch)),
                        None => _ = drivers.pop(),
                    },
                    Turn::EndAlone if !alone.is_empty() => {
                        alone.clear();
                        drivers.extend(queue.end_alone().then_some(()));
                    }
                    Turn::Look(_) | Turn::EndAlone => {}
                }
                let calls = [&*drivers, &*alone].concat();
                prop_assert!(calls.len() <= most_calls);
                prop_assert!(!calls.is_empty() || taken == added);
            }
            if !alone.is_empty() {
                drivers.extend(queue.end_alone().then_some(()));
            }
            while !drivers.is_empty() {
                match queue.take() {
                    Some(batch) => taken.extend(numbers(&batch)),
                    None => _ = drivers.pop(),
                }
            }
            prop_assert_eq!(taken, added);
        }
    }

    #[test]
    fn threads_leave_nothing_behind() {
        const THREADS: usize = 4;
        const ITEMS: usize = 5_000;
        const MOST_CALLS: usize = 2;
        let queue = Arc::new(Queue::new(MOST_CALLS));
        let [drivers, taken] = [(); 2].map(|()| Arc::<AtomicUsize>::default());
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (queue, drivers, taken) =
                    (Arc::clone(&queue), Arc::clone(&drivers), Arc::clone(&taken));
                let drive = {
                    let queue = Arc::clone(&queue);
                    move || {
                        let before = drivers.fetch_add(1, Ordering::SeqCst);
                        assert!(before < MOST_CALLS);
                        loop {
                            // Counted out before the queue counts it out.
                            drivers.fetch_sub(1, Ordering::SeqCst);
                            let Some(batch) = queue.take() else { return };
                            drivers.fetch_add(1, Ordering::SeqCst);
                            taken.fetch_add(batch.len(), Ordering::SeqCst);
                        }
                    }
                };
                thread::spawn(move || {
                    let mut started = Vec::new();
                    for number in 0..ITEMS {
                        if add(&queue, &item(number)).unwrap() {
                            started.push(thread::spawn(drive.clone()));
                        }
                    }
                    for driver in started {
                        driver.join().unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(taken.load(Ordering::SeqCst), THREADS * ITEMS);
    }
}
