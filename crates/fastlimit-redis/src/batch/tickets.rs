use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use fastlimit_core::{Decision, StoreError};

use crate::failure;

/// What comes to a ticket.
pub(crate) type Answer = Result<Decision, StoreError>;

/// The tickets of a batch: where its answers come to, in one allocation for all who wait. When the last
/// clone is dropped, who waits still is told that no answer comes.
#[derive(Default)]
pub(crate) struct Tickets(Shared);

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

struct State {
    slots: Vec<Slot>,
    /// How many need no answer any more.
    settled: usize,
    /// The clones of the tickets that may give answers.
    givers: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            settled: 0,
            givers: 1,
        }
    }
}

#[derive(Default)]
enum Slot {
    #[default]
    Unasked,
    Waiting(Waker),
    Here(Answer),
    /// The answer was taken, or its caller went away before it came.
    Done,
}

impl Slot {
    fn is_open(&self) -> bool {
        matches!(self, Self::Unasked | Self::Waiting(_))
    }

    /// Wakes who waits, who then finds that nobody gives an answer.
    fn give_up(&mut self) -> Option<Waker> {
        match self {
            Self::Waiting(waker) => Some(waker.clone()),
            Self::Unasked | Self::Here(_) | Self::Done => None,
        }
    }
}

impl Tickets {
    /// The ticket of the item at a place.
    pub(super) fn add(&self, place: usize) -> Ticket {
        Ticket {
            shared: self.0.clone(),
            place,
            is_done: false,
        }
    }

    /// Gives answers to the places that still wait for one.
    pub(super) fn give(&self, answers: impl Iterator<Item = (usize, Answer)>) -> Wakers {
        // Worked out before anybody is kept waiting for the lock.
        let answers: Vec<_> = answers.collect();
        let mut wakers = Vec::with_capacity(answers.len());
        let mut state = self.0.state();
        for (place, answer) in answers {
            let slot = state.slot(place);
            if !slot.is_open() {
                continue;
            }
            if let Slot::Waiting(waker) = mem::replace(slot, Slot::Here(answer)) {
                wakers.push(waker);
            }
            state.settled = state.settled.saturating_add(1);
        }
        Wakers(wakers)
    }

    /// Whether some need no answer any more.
    pub(super) fn any_settled(&self) -> bool {
        self.0.state().settled > 0
    }

    /// Whether an answer is still waited for at a place.
    pub(super) fn is_open(&self, place: usize) -> bool {
        self.0.state().slots.get(place).is_none_or(Slot::is_open)
    }
}

impl Clone for Tickets {
    fn clone(&self) -> Self {
        let mut state = self.0.state();
        state.givers = state.givers.saturating_add(1);
        Self(self.0.clone())
    }
}

impl Drop for Tickets {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.givers = state.givers.saturating_sub(1);
        if state.givers > 0 {
            return;
        }
        let waiting: Vec<_> = state.slots.iter_mut().filter_map(Slot::give_up).collect();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Shared {
    /// Nothing panics while the lock is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slot(&mut self, place: usize) -> &mut Slot {
        if self.slots.len() <= place {
            self.slots
                .resize_with(place.saturating_add(1), Slot::default);
        }
        #[expect(clippy::indexing_slicing, reason = "it was made to be there")]
        &mut self.slots[place]
    }
}

/// Those who have an answer and do not know yet. To wake them runs code of theirs, so no lock is held.
#[derive(Default)]
#[must_use = "they wait until they are woken"]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }

    /// Adds those of another.
    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// The future of one item's answer. It needs no runtime: whoever polls it is woken.
///
/// Dropped, it takes nobody else's answer away, and an item that has not left yet never does.
pub(crate) struct Ticket {
    shared: Shared,
    place: usize,
    is_done: bool,
}

impl Future for Ticket {
    type Output = Answer;

    /// Resolves to the answer. Polled again after that, it stays pending.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let this = self.get_mut();
        let mut state = this.shared.state();
        let is_given_up = state.givers == 0;
        let slot = state.slot(this.place);
        match slot {
            Slot::Here(_) => match mem::replace(slot, Slot::Done) {
                Slot::Here(answer) => {
                    this.is_done = true;
                    Poll::Ready(answer)
                }
                _ => Poll::Pending,
            },
            Slot::Unasked | Slot::Waiting(_) if is_given_up => {
                *slot = Slot::Done;
                this.is_done = true;
                Poll::Ready(Err(failure::store_ended()))
            }
            Slot::Waiting(waker) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            Slot::Unasked => {
                *slot = Slot::Waiting(context.waker().clone());
                Poll::Pending
            }
            Slot::Done => Poll::Pending,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = self.shared.state();
        let slot = state.slot(self.place);
        let was_open = slot.is_open();
        let before = mem::replace(slot, Slot::Done);
        if was_open {
            state.settled = state.settled.saturating_add(1);
        }
        drop(state);
        // Whatever it runs, it finds the lock free.
        drop(before);
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
            Poll::Ready(Err(error)) => Some(error.message().to_owned()),
            Poll::Ready(Ok(decision)) => unreachable!("{decision:?}"),
            Poll::Pending => None,
        }
    }

    /// Gives answers to the first places.
    fn give(tickets: &Tickets, texts: &[&str]) {
        let wakers = tickets.give(texts.iter().enumerate().map(|(place, text)| {
            let error = StoreError::new(StoreErrorKind::Refused, (*text).to_owned());
            (place, Err(error))
        }));
        wakers.wake();
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
    fn without_anybody_to_answer_there_is_an_error() {
        let answers = Tickets::default();
        let [mut answered, mut asked, mut unasked] = tickets(&answers);
        let part = answers.clone();
        let [woken, other] = [(); 2].map(|()| Arc::<Woken>::default());
        assert_eq!(poll(&mut asked, &woken), None);
        give(&answers, &["one"]);
        drop(answers);
        assert_eq!(poll(&mut asked, &woken), None);
        drop(part);
        assert_eq!(woken.count(), 1);
        assert_eq!(poll(&mut answered, &other).as_deref(), Some("one"));
        for ticket in [&mut asked, &mut unasked] {
            assert!(poll(ticket, &other).unwrap().contains("ended"));
        }
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

    #[test]
    fn the_first_answer_stands() {
        let answers = Tickets::default();
        let [mut first, mut second] = tickets(&answers);
        let woken = Arc::default();
        assert!(!answers.any_settled());
        give(&answers, &["too late"]);
        assert!(answers.any_settled() && !answers.is_open(0) && answers.is_open(1));
        assert_eq!(poll(&mut first, &woken).as_deref(), Some("too late"));
        give(&answers, &["one", "two"]);
        assert_eq!(poll(&mut first, &woken), None);
        assert_eq!(poll(&mut second, &woken).as_deref(), Some("two"));
    }

    #[test]
    fn nobody_waits_at_the_place_of_a_dropped_ticket() {
        let answers = Tickets::default();
        let [unpolled, mut polled, stays] = tickets(&answers);
        let woken = Arc::default();
        assert_eq!(poll(&mut polled, &woken), None);
        assert!(!answers.any_settled());
        drop((unpolled, polled));
        assert!(answers.any_settled());
        let open: Vec<_> = (0..3).map(|place| answers.is_open(place)).collect();
        assert_eq!(open, [false, false, true]);
        give(&answers, &["one", "two", "three"]);
        drop(stays);
        give(&answers, &["one", "two", "three"]);
    }
}
