use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{RequestBuilder, Rule};
use crate::key::{DEFAULT_PART, Label};
use crate::{
    Decision, Error, Key, Limits, Operation, Outcome, Reply, Request, StoreError, StoreErrorKind,
};

/// The future of one operation; from [`RateLimiter::check`](super::RateLimiter::check) and the
/// methods of [`RequestBuilder`].
///
/// Nothing is asked of the store before the first poll. With a store that answers at once, that
/// poll is the last and allocates nothing. Dropped before it resolves, the operation may or may
/// not be carried out.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Check<'a> {
    request: RequestBuilder<'a>,
    limits: Limits<'a>,
    operation: Operation,
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
        Self {
            request,
            limits: rule.limits(request.limiter.inner.algorithm),
            operation,
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
    pub fn at_once(self) -> Result<Result<Decision, Error>, Self> {
        let State::New = self.state else {
            return Err(self);
        };
        if !self.request.limiter.inner.store.answers_at_once() {
            return Err(self);
        }
        Ok(match self.send() {
            Reply::Ready(result) => self.finish(result),
            Reply::Pending(_) => {
                let message = "the store has to wait, and had promised not to";
                Err(StoreError::new(StoreErrorKind::OutcomeUnknown, message).into())
            }
        })
    }

    #[inline]
    fn send(&self) -> Reply<'a> {
        let inner = &*self.request.limiter.inner;
        let default = (DEFAULT_PART, inner.default_label);
        let key = Key::with_labels(
            (&*inner.prefix, inner.prefix_label),
            self.limits
                .policy()
                .map_or(default, |policy| (policy.name(), policy.label())),
            self.request
                .tenant
                .map_or(default, |tenant| (tenant, Label::of_passing(tenant))),
            self.request.identifier,
        );
        let request = Request::new(key, self.limits, self.operation);
        inner.store.apply(&request)
    }

    #[inline]
    fn finish(&self, result: Result<Outcome, StoreError>) -> Result<Decision, Error> {
        if let (Ok(outcome), [limit]) = (&result, &*self.limits)
            && let Some(decision) = Decision::of_one(outcome, *limit)
        {
            // Nothing of it is on the heap.
            std::mem::forget(result);
            return Ok(decision);
        }
        self.finish_any(result)
    }

    fn finish_any(&self, result: Result<Outcome, StoreError>) -> Result<Decision, Error> {
        Decision::new(result?, self.limits.into()).map_err(|outcome| self.refuse(&outcome))
    }

    #[cold]
    fn refuse(&self, outcome: &Outcome) -> Error {
        let message = format!(
            "the store answered with {} verdicts for {} limits; expected one for each",
            outcome.verdicts().len(),
            self.limits.len()
        );
        StoreError::new(StoreErrorKind::OutcomeUnknown, message).into()
    }

    #[cold]
    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<Decision, Error>> {
        let State::Sent(future) = &mut self.state else {
            return Poll::Pending;
        };
        let result = ready!(future.as_mut().poll(context));
        self.state = State::Done;
        Poll::Ready(self.finish(result))
    }
}

impl Future for Check<'_> {
    type Output = Result<Decision, Error>;

    /// Resolves to the decision. Polled again after that, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::New = this.state {
            this.state = State::Done;
            match this.send() {
                Reply::Ready(result) => return Poll::Ready(this.finish(result)),
                Reply::Pending(future) => this.state = State::Sent(future),
            }
        }
        this.poll_sent(context)
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("request", &self.request)
            .field("limits", &self.limits)
            .field("operation", &self.operation)
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
