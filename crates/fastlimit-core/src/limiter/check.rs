use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{RateLimiter, RequestBuilder};
use crate::store::{Key, Operation, Reply, Request};
use crate::{Decision, Error, InvalidLimit, Limits, StoreError, StoreErrorKind};

/// The future of one operation; from [`RateLimiter::check`](super::RateLimiter::check) and the
/// methods of [`RequestBuilder`].
///
/// Nothing is asked of the store before the first poll. With a store that answers at once, that
/// poll is the last. Dropped before it resolves, the operation may or may not be carried out.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Check<'a> {
    limiter: &'a RateLimiter,
    /// Written once, here, and lent to the store: it is large to move.
    request: Request<'a>,
    state: State<'a>,
}

enum State<'a> {
    New,
    /// The limiter's default algorithm does not serve the rate of the request.
    Invalid(InvalidLimit),
    Sent(Pin<Box<dyn Future<Output = Result<Decision, StoreError>> + Send + 'a>>),
    Done,
}

impl<'a> Check<'a> {
    #[inline]
    pub(super) fn new(
        request: RequestBuilder<'a>,
        limits: Limits<'a>,
        operation: Operation,
    ) -> Self {
        let inner = &*request.limiter.inner;
        let policy = limits.policy().unwrap_or(&inner.default);
        let key = Key::of_kept(&inner.prefix, policy, request.tenant, request.identifier);
        let (limits, state) = match limits.counted_by(inner.algorithm) {
            Ok(limits) => (limits, State::New),
            Err(error) => (limits, State::Invalid(error)),
        };
        Self {
            limiter: request.limiter,
            request: Request::new(key, limits, operation).with_timeout(request.timeout),
            state,
        }
    }

    /// A request whose key and limits were those of an earlier check.
    pub(super) fn again(limiter: &'a RateLimiter, request: Request<'a>) -> Self {
        Self {
            limiter,
            request,
            state: State::New,
        }
    }

    pub(super) fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// The request alone, unless its rate is not served.
    pub(super) fn into_request(self) -> Result<Request<'a>, InvalidLimit> {
        match self.state {
            State::Invalid(error) => Err(error),
            State::New | State::Sent(_) | State::Done => Ok(self.request),
        }
    }

    /// Carries the operation out now, on a store that
    /// [answers at once](crate::Store::answers_at_once): no runtime, no waker, no future to keep.
    ///
    /// # Errors
    ///
    /// The check itself if the store may have to wait. Nothing was asked of it then, so the
    /// check may be awaited. A check that was polled before is returned too, and one whose rate
    /// the default algorithm does not serve.
    ///
    /// ```
    /// # use fastlimit::{Error, MemoryStore, Policy, RateLimiter};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let limiter = RateLimiter::new(MemoryStore::new());
    /// let policy = Policy::new("exports", "2/hour")?;
    /// let decision = match limiter.check("user:42", &policy).at_once() {
    ///     Ok(result) => result?,
    ///     Err(check) => check.await?,
    /// };
    /// assert_eq!(decision.remaining(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[allow(
        clippy::result_large_err,
        reason = "the check goes back to where it came from"
    )]
    pub fn at_once(self) -> Result<Result<Decision, Error>, Self> {
        match self.state {
            State::New if self.limiter.inner.store.answers_at_once() => {}
            _ => return Err(self),
        }
        Ok(match self.send() {
            Reply::Ready(answer) => self.finish(answer),
            Reply::Pending(_) => Err(promise_broken().into()),
        })
    }

    #[inline]
    fn send(&self) -> Reply<'a> {
        self.limiter.inner.store.apply(&self.request)
    }

    #[inline]
    fn finish(&self, answer: Result<Decision, StoreError>) -> Result<Decision, Error> {
        accept(answer, &self.request)
    }
}

/// Takes an answer if it is one to the request.
#[inline]
pub(super) fn accept(
    answer: Result<Decision, StoreError>,
    request: &Request<'_>,
) -> Result<Decision, Error> {
    match answer {
        Ok(decision) if decision.limits().len() == request.limits().len() => Ok(decision),
        Ok(decision) => Err(refuse(&decision, request).into()),
        Err(error) => Err(error.into()),
    }
}

#[cold]
fn refuse(decision: &Decision, request: &Request<'_>) -> StoreError {
    let message = format!(
        "the store answered for {} limits of {}; expected each once",
        decision.limits().len(),
        request.limits().len()
    );
    StoreError::new(StoreErrorKind::OutcomeUnknown, message)
}

#[cold]
fn promise_broken() -> StoreError {
    let message = "the store has to wait, and had promised not to";
    StoreError::new(StoreErrorKind::OutcomeUnknown, message)
}

impl Future for Check<'_> {
    type Output = Result<Decision, Error>;

    /// Resolves to the decision. Polled again after that, it stays pending.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::New = this.state {
            match this.send() {
                Reply::Ready(answer) => {
                    this.state = State::Done;
                    return Poll::Ready(this.finish(answer));
                }
                Reply::Pending(future) => this.state = State::Sent(future),
            }
        }
        this.poll_sent(context)
    }
}

impl Check<'_> {
    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<Decision, Error>> {
        let result = match &mut self.state {
            State::Sent(future) => {
                let answer = ready!(future.as_mut().poll(context));
                self.finish(answer)
            }
            State::Invalid(error) => Err((*error).into()),
            State::New | State::Done => return Poll::Pending,
        };
        self.state = State::Done;
        Poll::Ready(result)
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
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    use std::time::Duration;

    use super::*;
    use crate::store::Entry;
    use crate::{Algorithm, Cost, Limit, Rate, RateLimiter, RateLimiterBuilder, Store, Timestamp};

    /// Counts how often it is asked, and never answers.
    struct Silent {
        promises: bool,
        asked: Arc<AtomicU32>,
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

    /// A limiter on a store that promises to answer at once or not, and how often that is asked.
    fn silent(promises: bool) -> (RateLimiterBuilder<Silent>, impl Fn() -> u32) {
        let asked = Arc::new(AtomicU32::new(0));
        let store = Silent {
            promises,
            asked: Arc::clone(&asked),
        };
        (RateLimiter::builder(store), move || {
            asked.load(Ordering::Relaxed)
        })
    }

    /// Keeps how long the answer to each request may take.
    #[derive(Clone, Default)]
    struct Timeouts(Arc<Mutex<Vec<Option<Duration>>>>);

    impl Store for Timeouts {
        fn apply(&self, request: &Request<'_>) -> Reply<'_> {
            self.0.lock().unwrap().push(request.timeout());
            let mut entry = Entry::new();
            let applied = entry.apply(request.limits(), request.operation(), Timestamp::EPOCH);
            Reply::ready(Ok(applied.decision))
        }

        fn answers_at_once(&self) -> bool {
            true
        }
    }

    #[test]
    fn the_timeout_of_a_request_goes_with_all_that_comes_of_it() {
        let store = Timeouts::default();
        let limiter = RateLimiter::new(store.clone());
        let limit = Limit::fixed_window(Rate::per_second(5).unwrap());
        let (short, long) = (Duration::from_millis(50), Duration::from_secs(2));
        let request = limiter.request("key").timeout(short);
        let now = |check: Check<'_>| check.at_once().unwrap().unwrap();
        let _ = now(limiter.check("key", limit));
        let _ = now(request.peek(limit));
        let mut context = Context::from_waker(Waker::noop());
        let mut reserve = pin!(request.timeout(long).reserve(Cost::ONE, limit));
        let Poll::Ready(Ok(Ok(reservation))) = reserve.as_mut().poll(&mut context) else {
            unreachable!("it is allowed, at once")
        };
        let cancel = pin!(reservation.cancel());
        assert!(cancel.poll(&mut context).is_ready());
        let subjects = [request.under(limit), ("other", limit).into()];
        let all = pin!(limiter.all(subjects).check());
        assert!(all.poll(&mut context).is_ready());
        let expected = [None, Some(short), Some(long), Some(long), Some(short), None];
        assert_eq!(*store.0.lock().unwrap(), expected);
    }

    fn poll(check: &mut Check<'_>) -> Poll<Result<Decision, Error>> {
        Pin::new(check).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_store_that_may_wait_is_not_asked_at_once() {
        let (limiter, asked) = silent(false);
        let limiter = limiter.build();
        let check = limiter.check("key", Rate::per_second(1).unwrap());
        let mut check = check.at_once().unwrap_err();
        assert_eq!(asked(), 0);

        assert!(poll(&mut check).is_pending());
        assert!(check.at_once().is_err(), "it was sent before");
        assert_eq!(asked(), 1);
    }

    #[test]
    fn a_broken_promise_leaves_the_outcome_unknown() {
        let (limiter, asked) = silent(true);
        let limiter = limiter.build();
        let result = limiter.check("key", Rate::per_second(1).unwrap()).at_once();
        assert!(matches!(
            result,
            Ok(Err(Error::Store(error))) if error.kind() == StoreErrorKind::OutcomeUnknown
        ));
        assert_eq!(asked(), 1);
    }

    #[test]
    fn a_rate_that_the_default_algorithm_does_not_serve_is_refused() {
        let (limiter, asked) = silent(true);
        let limiter = limiter.default_algorithm(Algorithm::SlidingLog).build();
        let check = limiter.check("key", Rate::per_second(1_001).unwrap());
        let mut check = check.at_once().unwrap_err();
        assert!(matches!(
            poll(&mut check),
            Poll::Ready(Err(Error::Limit(InvalidLimit::Log)))
        ));
        assert_eq!(asked(), 0);
    }
}
