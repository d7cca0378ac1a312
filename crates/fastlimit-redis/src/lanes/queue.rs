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
