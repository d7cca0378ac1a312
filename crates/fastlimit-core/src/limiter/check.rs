use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{RequestBuilder, Rule};
use crate::key::{DEFAULT_PART, PartHash};
use crate::store::OwnedLimits;
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
    rule: Rule<'a>,
    operation: Operation,
    state: State<'a>,
}

enum State<'a> {
    New,
    Sent(Pin<Box<dyn Future<Output = Result<Outcome, StoreError>> + Send + 'a>>),
    Done,
}

impl<'a> Check<'a> {
    pub(super) fn new(request: RequestBuilder<'a>, rule: Rule<'a>, operation: Operation) -> Self {
        Self {
            request,
            rule,
            operation,
            state: State::New,
        }
    }

    fn limits(&self) -> Limits<'a> {
        self.rule.limits(self.request.limiter.inner.algorithm)
    }

    fn send(&self) -> Reply<'a> {
        let inner = &self.request.limiter.inner;
        let default = (DEFAULT_PART, inner.default_hash);
        let key = Key::with_hashes(
            (&*inner.prefix, inner.prefix_hash),
            self.rule
                .policy()
                .map_or(default, |policy| (policy.name(), policy.name_hash())),
            self.request
                .tenant
                .map_or(default, |tenant| (tenant, PartHash::of(tenant))),
            self.request.identifier,
        );
        inner
            .store
            .apply(&Request::new(key, self.limits(), self.operation))
    }

    fn finish(&mut self, result: Result<Outcome, StoreError>) -> Result<Decision, Error> {
        self.state = State::Done;
        let outcome = result?;
        let limits = self.limits();
        if outcome.verdicts().len() != limits.len() {
            let message = format!(
                "the store answered with {} verdicts for {} limits; expected one for each",
                outcome.verdicts().len(),
                limits.len()
            );
            return Err(StoreError::new(StoreErrorKind::OutcomeUnknown, message).into());
        }
        Ok(Decision::new(outcome, OwnedLimits::from(limits)))
    }
}

impl Future for Check<'_> {
    type Output = Result<Decision, Error>;

    /// Resolves to the decision. Polled again after that, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::New => match this.send() {
                    Reply::Ready(result) => return Poll::Ready(this.finish(result)),
                    Reply::Pending(future) => this.state = State::Sent(future),
                },
                State::Sent(future) => {
                    let result = ready!(future.as_mut().poll(context));
                    return Poll::Ready(this.finish(result));
                }
                State::Done => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("request", &self.request)
            .field("rule", &self.rule)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
