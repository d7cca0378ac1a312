use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use fastlimit_core::{Decision, StoreError};

use super::Item;

/// What becomes of an item.
#[derive(Debug)]
pub(crate) enum Answer {
    Is(Result<Decision, StoreError>),
    /// It was never sent, and may go another way.
    Unsent(Item),
}

/// The tickets of a batch: where its answers come to, in one allocation for all who wait.
#[derive(Clone, Default)]
pub(crate) struct Tickets(Arc<Mutex<Vec<Slot>>>);

#[derive(Default)]
enum Slot {
    #[default]
    Unasked,
    Waiting(Waker),
    Here(Answer),
    Taken,
}

impl Tickets {
    /// The ticket of the item at a place.
    pub(super) fn add(&self, place: usize) -> Ticket {
        let tickets = self.clone();
        Ticket { tickets, place }
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
            if let Slot::Waiting(waker) = mem::replace(slot, Slot::Here(answer)) {
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

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

/// The future of one item's answer. Dropped, it takes nobody else's away.
#[derive(Debug)]
pub(crate) struct Ticket {
    tickets: Tickets,
    place: usize,
}

impl Future for Ticket {
    type Output = Answer;

    /// Resolves to the answer. Polled again after that, it stays pending.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut slots = self.tickets.slots();
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
            Slot::Waiting(waker) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            Slot::Unasked => {
                *slot = Slot::Waiting(context.waker().clone());
                Poll::Pending
            }
            Slot::Taken => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use fastlimit_core::StoreErrorKind;

    use super::*;

    /// Counts how often somebody was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// What came to a ticket: the text of the answer.
    fn poll(ticket: &mut Ticket, woken: &Arc<Woken>) -> Option<String> {
        let waker = Waker::from(Arc::clone(woken));
        match Pin::new(ticket).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Answer::Is(Err(error))) => Some(error.message().to_owned()),
            Poll::Ready(answer) => unreachable!("{answer:?}"),
            Poll::Pending => None,
        }
    }

    fn give(tickets: &Tickets, texts: &[&str]) {
        tickets.give(texts.iter().map(|text| {
            let error = StoreError::new(StoreErrorKind::Refused, (*text).to_owned());
            Answer::Is(Err(error))
        }));
    }

    fn tickets<const N: usize>(tickets: &Tickets) -> [Ticket; N] {
        std::array::from_fn(|place| tickets.add(place))
    }

    #[test]
    fn an_answer_waits_for_who_has_not_asked_yet() {
        let answers = Tickets::default();
        let [mut first, mut second] = tickets(&answers);
        give(&answers, &["one", "two"]);
        let woken = Arc::default();
        assert_eq!(poll(&mut second, &woken).as_deref(), Some("two"));
        assert_eq!(poll(&mut first, &woken).as_deref(), Some("one"));
        assert_eq!(woken.count(), 0);
    }

    #[test]
    fn who_asked_is_woken_once() {
        let answers = Tickets::default();
        let [mut first, mut second, mut third] = tickets(&answers);
        let [woken, other] = [(); 2].map(|()| Arc::<Woken>::default());
        // The last ticket first: there is no place for the others yet.
        assert_eq!(poll(&mut third, &woken), None);
        assert_eq!(poll(&mut first, &other), None);
        give(&answers, &["one", "two", "three"]);
        assert_eq!((woken.count(), other.count()), (1, 1));
        assert_eq!(poll(&mut first, &other).as_deref(), Some("one"));
        assert_eq!(poll(&mut second, &other).as_deref(), Some("two"));
        assert_eq!(poll(&mut third, &woken).as_deref(), Some("three"));
        assert_eq!((woken.count(), other.count()), (1, 1));
    }

    #[test]
    fn the_one_who_polled_last_is_woken() {
        let answers = Tickets::default();
        let [mut ticket] = tickets(&answers);
        let [before, last] = [(); 2].map(|()| Arc::<Woken>::default());
        assert_eq!(poll(&mut ticket, &before), None);
        assert_eq!(poll(&mut ticket, &before), None);
        assert_eq!(poll(&mut ticket, &last), None);
        give(&answers, &["one"]);
        assert_eq!((before.count(), last.count()), (0, 1));
        assert_eq!(poll(&mut ticket, &before).as_deref(), Some("one"));
    }

    #[test]
    fn an_answer_comes_once() {
        let answers = Tickets::default();
        let [mut ticket] = tickets(&answers);
        let woken = Arc::default();
        give(&answers, &["one"]);
        assert!(poll(&mut ticket, &woken).is_some());
        assert_eq!(poll(&mut ticket, &woken), None);
        assert_eq!(poll(&mut ticket, &woken), None);
    }

    #[test]
    fn a_dropped_ticket_takes_no_other_s_answer_along() {
        let answers = Tickets::default();
        let [mut first, unpolled, mut polled, mut last, late] = tickets(&answers);
        let [woken, gone] = [(); 2].map(|()| Arc::<Woken>::default());
        drop(unpolled);
        for ticket in [&mut first, &mut last] {
            assert_eq!(poll(ticket, &woken), None);
        }
        assert_eq!(poll(&mut polled, &gone), None);
        drop(polled);
        give(&answers, &["one", "two", "three", "four", "five"]);
        drop(late);
        assert_eq!(woken.count(), 2);
        assert_eq!(poll(&mut first, &woken).as_deref(), Some("one"));
        assert_eq!(poll(&mut last, &woken).as_deref(), Some("four"));
    }

    #[test]
    fn tickets_outlive_the_batch() {
        let answers = Tickets::default();
        let [mut ticket] = tickets(&answers);
        let woken = Arc::default();
        give(&answers, &["one"]);
        drop(answers);
        assert_eq!(poll(&mut ticket, &woken).as_deref(), Some("one"));
    }
}
