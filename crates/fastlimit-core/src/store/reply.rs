use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::{Decision, StoreError};

/// A store's reply: the answer, or a future of it that borrows only the store.
///
/// A store in this process answers at once, without a box.
///
/// ```
/// use fastlimit::store::Reply;
/// use fastlimit::{StoreError, StoreErrorKind};
///
/// let closed = || StoreError::new(StoreErrorKind::Refused, "closed for the night");
/// assert!(matches!(Reply::ready(Err(closed())), Reply::Ready(Err(_))));
///
/// let reply = Reply::pending(async move { Err(closed()) });
/// // A store around a store looks at the answer, whether it is there or to come.
/// let reply = reply.map(|answer| answer.inspect_err(|error| eprintln!("{error}")));
/// assert!(matches!(reply, Reply::Pending(_)));
/// ```
#[must_use = "the operation may not be carried out unless the reply is awaited"]
pub enum Reply<'store> {
    /// The answer.
    Ready(Result<Decision, StoreError>),
    /// The answer to come.
    Pending(Pin<Box<dyn Future<Output = Result<Decision, StoreError>> + Send + 'store>>),
}

impl<'store> Reply<'store> {
    /// Creates a reply that is there at once.
    #[inline]
    pub fn ready(answer: Result<Decision, StoreError>) -> Self {
        Self::Ready(answer)
    }

    /// Creates a reply that is to come.
    pub fn pending(
        future: impl Future<Output = Result<Decision, StoreError>> + Send + 'store,
    ) -> Self {
        Self::Pending(Box::pin(future))
    }

    /// Changes the answer: now, or when it comes.
    pub fn map<F>(self, change: F) -> Self
    where
        F: FnOnce(Result<Decision, StoreError>) -> Result<Decision, StoreError> + Send + 'store,
    {
        match self {
            Self::Ready(answer) => Self::Ready(change(answer)),
            Self::Pending(future) => Self::pending(async move { change(future.await) }),
        }
    }
}

impl Future for Reply<'_> {
    type Output = Result<Decision, StoreError>;

    /// Resolves to the answer. Polled again after that, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut *self {
            Self::Pending(future) => ready!(future.as_mut().poll(context)),
            Self::Ready(_) => {
                let taken = Self::Pending(Box::pin(std::future::pending()));
                match mem::replace(&mut *self, taken) {
                    Self::Ready(answer) => answer,
                    Self::Pending(_) => return Poll::Pending,
                }
            }
        };
        Poll::Ready(answer)
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}
