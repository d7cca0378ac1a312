use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{Outcome, StoreError};

/// A store's reply: the answer, or a future of it that borrows only the store.
///
/// A store in this process answers at once, without a box.
#[must_use = "the operation may not be carried out unless the reply is awaited"]
pub enum Reply<'store> {
    /// The answer.
    Ready(Result<Outcome, StoreError>),
    /// The answer to come.
    Pending(Pin<Box<dyn Future<Output = Result<Outcome, StoreError>> + Send + 'store>>),
}

impl<'store> Reply<'store> {
    /// Creates a reply that is there at once.
    ///
    /// ```
    /// use fastlimit_core::{Reply, StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::Refused, "closed for the night");
    /// assert!(matches!(Reply::ready(Err(error)), Reply::Ready(Err(_))));
    /// ```
    #[inline]
    pub fn ready(result: Result<Outcome, StoreError>) -> Self {
        Self::Ready(result)
    }

    /// Creates a reply that is to come.
    ///
    /// ```
    /// use fastlimit_core::{Reply, StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::Refused, "closed for the night");
    /// let reply = Reply::pending(async { Err(error) });
    /// assert!(matches!(reply, Reply::Pending(_)));
    /// ```
    pub fn pending(
        future: impl Future<Output = Result<Outcome, StoreError>> + Send + 'store,
    ) -> Self {
        Self::Pending(Box::pin(future))
    }
}

impl Future for Reply<'_> {
    type Output = Result<Outcome, StoreError>;

    /// Resolves to the answer. Polled again after that, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Pending(future) => future.as_mut().poll(context),
            ready @ Self::Ready(_) => {
                let taken =
                    std::mem::replace(ready, Self::Pending(Box::pin(std::future::pending())));
                match taken {
                    Self::Ready(result) => Poll::Ready(result),
                    Self::Pending(_) => Poll::Pending,
                }
            }
        }
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}
