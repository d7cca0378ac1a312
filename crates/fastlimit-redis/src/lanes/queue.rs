use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::batch::{Batch, Subject, Ticket};
use crate::shape::Shape;

/// The batches that wait for a lane, and the calls that are under way on it.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    most_calls: usize,
}

#[derive(Debug, Default)]
struct State {
    /// All but the last are full.
    batches: VecDeque<Batch>,
    /// The drivers that take batches from here. As long as there is one, none is left behind.
    drivers: usize,
    /// Whether one of them has yet to take its first batch.
    is_starting: bool,
    is_closed: bool,
}

/// What comes of adding an item to a queue.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) ticket: Ticket,
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
    pub(crate) fn add(&self, subject: &impl Subject, shape: &Shape) -> Option<Added> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        let open = match state.batches.pop_back() {
            Some(batch) if batch.is_full() => {
                state.batches.push_back(batch);
                None
            }
            last => last,
        };
        let mut batch = open.unwrap_or_default();
        let ticket = batch.add(subject, shape);
        state.batches.push_back(batch);
        let needs_driver = !state.is_starting && state.drivers < self.most_calls;
        if needs_driver {
            state.drivers = state.drivers.saturating_add(1);
            state.is_starting = true;
        }
        Some(Added {
            ticket,
            needs_driver,
        })
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use fastlimit_core::{Cost, Key, Limit, Operation, Request};
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

    proptest! {
        /// Whatever the order in which requests come and drivers look.
        #[test]
        fn there_are_never_too_many_drivers_and_none_is_missed(
            most_calls in 1_usize..4,
            turns in prop::collection::vec(prop::option::of(0_usize..4), 0..400),
        ) {
            let queue = Queue::new(most_calls);
            let (mut added, mut taken) = (Vec::new(), Vec::new());
            let mut drivers = Vec::new();
            for turn in turns {
                if turn.is_none_or(|driver| driver >= drivers.len()) {
                    let number = added.len();
                    if add(&queue, &item(number)).unwrap() {
                        drivers.push(());
                    }
                    added.push(number);
                } else if let Some(batch) = queue.take() {
                    taken.extend(numbers(&batch));
                } else {
                    drivers.pop();
                }
                prop_assert!(drivers.len() <= most_calls);
                prop_assert!(!drivers.is_empty() || taken == added);
            }
            while !drivers.is_empty() {
                if let Some(batch) = queue.take() {
                    taken.extend(numbers(&batch));
                } else {
                    drivers.pop();
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
