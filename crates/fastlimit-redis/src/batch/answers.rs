use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use fastlimit_core::{Outcome, StoreError};

use super::Item;

/// What becomes of an item.
#[derive(Debug)]
pub(crate) enum Answer {
    Is(Result<Outcome, StoreError>),
    /// It was never sent, and may go another way.
    Unsent(Item),
}

/// Where the answers of a batch come to, in one allocation for all who wait.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Vec<Slot>>>);

#[derive(Default)]
enum Slot {
    #[default]
    Unasked,
    Asked(Waker),
    Here(Answer),
    Taken,
}

impl Answers {
    /// The ticket of the item at a place.
    pub(super) fn ticket(&self, place: usize) -> Ticket {
        let answers = self.clone();
        Ticket { answers, place }
    }

    /// Gives the answers in the order of the items, and wakes who waits for them.
    pub(super) fn give(&self, answers: impl Iterator<Item = Answer>) {
        // Worked out before anybody is kept waiting for the lock.
        let answers: Vec<_> = answers.collect();
        let mut wakers = Vec::with_capacity(answers.len());
        let mut slots = self.slots();
        if slots.len() < answers.len() {
            slots.resize_with(answers.len(), Slot::default);
        }
        for (slot, answer) in slots.iter_mut().zip(answers) {
            if let Slot::Asked(waker) = mem::replace(slot, Slot::Here(answer)) {
                wakers.push(waker);
            }
        }
        drop(slots);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Nothing panics while the lock is held.
    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

/// The future of one item's answer. Dropped, it takes nobody else's away.
#[derive(Debug)]
pub(crate) struct Ticket {
    answers: Answers,
    place: usize,
}

impl Future for Ticket {
    type Output = Answer;

    /// Resolves to the answer. Polled again after that, it stays pending.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut slots = self.answers.slots();
        if slots.len() <= self.place {
            slots.resize_with(self.place.saturating_add(1), Slot::default);
        }
        let Some(slot) = slots.get_mut(self.place) else {
            return Poll::Pending;
        };
        match slot {
            Slot::Here(_) => match mem::replace(slot, Slot::Taken) {
                Slot::Here(answer) => Poll::Ready(answer),
                _ => Poll::Pending,
            },
            Slot::Asked(waker) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            Slot::Unasked => {
                *slot = Slot::Asked(context.waker().clone());
                Poll::Pending
            }
            Slot::Taken => Poll::Pending,
        }
    }
}
