use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{RateLimiter, RequestBuilder, Rule};
use crate::{
    Decision, Error, Key, Limit, Operation, Outcome, Policy, Reply, Request, StoreError,
    StoreErrorKind,
};

/// The future of one operation; from [`RateLimiter::check`](super::RateLimiter::check) and the
/// methods of [`RequestBuilder`].
///
/// Nothing is asked of the store before the first poll. With a store that answers at once, that
/// poll is the last and allocates nothing. Dropped before it resolves, the operation may or may
/// not be carried out.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Check<'a> {
    limiter: &'a RateLimiter,
    /// Written once, here, and lent to the store: it is large to move.
    request: Request<'a>,
    state: State<'a>,
}

enum State<'a> {
    New,
    Sent(Pin<Box<dyn Future<Output = Result<Outcome, StoreError>> + Send + 'a>>),
    Done,
}

impl<'a> Check<'a> {
    #[inline]
    pub(super) fn new(request: RequestBuilder<'a>, rule: Rule<'a>, operation: Operation) -> Self {
        let inner = &*request.limiter.inner;
        let limits = rule.limits(inner.algorithm);
        let policy = limits.policy().map_or(&inner.default, Policy::part);
        let key = Key::of_kept(&inner.prefix, policy, request.tenant, request.identifier);
        Self {
            limiter: request.limiter,
            request: Request::new(key, limits, operation),
            state: State::New,
        }
    }

    /// Carries the operation out now, on a store that
    /// [answers at once](crate::Store::answers_at_once): no runtime, no waker, no future to keep.
    ///
    /// # Errors
    ///
    /// The check itself if the store may have to wait. Nothing was asked of it then, so the
    /// check may be awaited. A check that was polled before is returned too.
    ///
    /// ```
    /// # use fastlimit_core::{Error, Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # async fn run() -> Result<(), Error> {
    /// let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let decision = match limiter.check("user:42", &policy).at_once() {
    ///     Ok(result) => result?,
    ///     Err(check) => check.await?,
    /// };
    /// assert_eq!(decision.remaining(), 1);
    /// # Ok(())
    /// # }
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let std::task::Poll::Ready(result) = std::pin::pin!(run()).poll(&mut context) else { panic!() };
    /// # result.unwrap();
    /// ```
    #[inline]
    #[allow(
        clippy::result_large_err,
        reason = "the check goes back to where it came from"
    )]
    pub fn at_once(self) -> Result<Result<Decision, Error>, Self> {
        let State::New = self.state else {
            return Err(self);
        };
        if !self.limiter.inner.store.answers_at_once() {
            return Err(self);
        }
        let reply = self.send();
        if let Some(decision) = self.usual(&reply) {
            // One verdict owns nothing. To drop it would take the steps to find that out.
            std::mem::forget(reply);
            return Ok(Ok(decision));
        }
        Ok(self.finish_at_once(reply).map_err(Error::Store))
    }

    #[inline(always)]
    fn send(&self) -> Reply<'a> {
        self.limiter.inner.store.apply(&self.request)
    }

    /// The decision that a reply most often is: made here, of a few words that stay in registers.
    /// The reply is not moved, since what moves it reads it before the store's writes are through.
    #[inline(always)]
    fn usual(&self, reply: &Reply<'_>) -> Option<Decision> {
        match (reply, self.request.limits()) {
            (Reply::Ready(Ok(outcome)), [limit]) => Decision::of_one(outcome, limit),
            _ => None,
        }
    }

    #[inline(never)]
    fn finish_at_once(&self, reply: Reply<'_>) -> Result<Decision, StoreError> {
        match reply {
            Reply::Ready(result) => self.finish_any(result?),
            Reply::Pending(_) => {
                let message = "the store has to wait, and had promised not to";
                Err(StoreError::new(StoreErrorKind::OutcomeUnknown, message))
            }
        }
    }

    fn finish_any(&self, outcome: Outcome) -> Result<Decision, StoreError> {
        let limits = self.request.limits();
        Decision::new(outcome, limits).map_err(|outcome| refuse(&outcome, limits))
    }

    #[inline(never)]
    fn poll_reply(
        &mut self,
        reply: Reply<'a>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Decision, StoreError>> {
        match reply {
            Reply::Ready(result) => Poll::Ready(self.finish_any(result?)),
            Reply::Pending(future) => {
                self.state = State::Sent(future);
                self.poll_sent(context)
            }
        }
    }

    #[cold]
    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<Decision, StoreError>> {
        let State::Sent(future) = &mut self.state else {
            return Poll::Pending;
        };
        let result = ready!(future.as_mut().poll(context));
        self.state = State::Done;
        Poll::Ready(self.finish_any(result?))
    }
}

#[cold]
fn refuse(outcome: &Outcome, limits: &[Limit]) -> StoreError {
    let message = format!(
        "the store answered with {} verdicts for {} limits; expected one for each",
        outcome.verdicts().len(),
        limits.len()
    );
    StoreError::new(StoreErrorKind::OutcomeUnknown, message)
}

impl Future for Check<'_> {
    type Output = Result<Decision, Error>;

    /// Resolves to the decision. Polled again after that, it stays pending.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let State::New = this.state else {
            return this.poll_sent(context).map_err(Error::Store);
        };
        this.state = State::Done;
        let reply = this.send();
        if let Some(decision) = this.usual(&reply) {
            // As above.
            std::mem::forget(reply);
            return Poll::Ready(Ok(decision));
        }
        this.poll_reply(reply, context).map_err(Error::Store)
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{Rate, RateLimiter, Store};

    /// Counts how often it is asked, and never answers.
    struct Silent {
        promises: bool,
        asked: &'static AtomicU32,
    }

    impl Store for Silent {
        fn apply(&self, _: &Request<'_>) -> Reply<'_> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Reply::pending(std::future::pending())
        }

        fn answers_at_once(&self) -> bool {
            self.promises
        }
    }

    #[test]
    fn a_store_that_may_wait_is_not_asked_at_once() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let limiter = RateLimiter::new(Silent {
            promises: false,
            asked: &ASKED,
        });
        let check = limiter.check("key", Rate::per_second(1).unwrap());
        let mut check = check.at_once().unwrap_err();
        assert_eq!(ASKED.load(Ordering::Relaxed), 0);

        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut check).poll(&mut context).is_pending());
        assert!(check.at_once().is_err(), "it was sent before");
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_broken_promise_leaves_the_outcome_unknown() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let limiter = RateLimiter::new(Silent {
            promises: true,
            asked: &ASKED,
        });
        let result = limiter.check("key", Rate::per_second(1).unwrap()).at_once();
        assert!(matches!(
            result,
            Ok(Err(Error::Store(error))) if error.kind() == StoreErrorKind::OutcomeUnknown
        ));
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    }
}
