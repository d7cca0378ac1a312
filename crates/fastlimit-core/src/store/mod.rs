//! What only authors of stores need: what a store is, and what passes between it and the limiter.

mod async_store;
mod error;
pub mod format;
mod operation;
mod reply;
mod request;

use std::sync::Arc;

pub use async_store::AsyncStore;
pub use async_trait::async_trait;
pub use error::{StoreError, StoreErrorKind};
pub use operation::Operation;
pub use reply::Reply;
pub use request::{OwnedRequest, Request};

pub use crate::entry::{Applied, Entry, EntryError};
pub use crate::key::{Key, OwnedKey, Redacted};

/// A place that keeps the state of limits and changes it in one atomic step.
///
/// Implement [`AsyncStore`] instead if your store waits for something, such as a network or a
/// disk: it is one `async fn`, and every `AsyncStore` is a `Store`.
///
/// # Contract
///
/// [`apply`](Store::apply) answers as [`Entry::apply`] does, to the
/// millisecond and the thousandth of a request: read the entry of the key, apply the request,
/// write the entry back if it changed. The suite of `fastlimit-conformance` tests a store
/// against that.
///
/// # Atomicity
///
/// Nothing may come between the read and the write: concurrent requests of one key, from any
/// number of tasks and processes, answer as if they had come one after the other. A request is
/// charged to all of its limits or to none.
///
/// # Time
///
/// A store takes its [`Clock`](crate::Clock) when it is built, or uses the clock of its server,
/// and reports in the [`Decision`](crate::Decision) the time that it used.
///
/// # Errors
///
/// An error means that the store does not know the answer. Its
/// [kind](StoreErrorKind) says whether the operation may have been charged. A store never
/// sends an operation again whose fate is unknown. Where an error names a key, it shows it as
/// [`redacted`](Key::redacted): an identifier may be a secret.
///
/// # Wrappers
///
/// A store around a store, such as a cache of denials, forwards the request unchanged if it
/// does not answer itself, and calls the inner store at most once.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use fastlimit::store::{Entry, Reply, Request, Store};
/// use fastlimit::{Clock, RateLimiter, StoreError, StoreErrorKind, SystemClock};
///
/// /// A store that never forgets.
/// #[derive(Default)]
/// struct Hoard(Mutex<HashMap<String, Entry>>);
///
/// impl Store for Hoard {
///     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
///         let Ok(mut entries) = self.0.lock() else {
///             let error = StoreError::new(StoreErrorKind::Refused, "the lock is poisoned");
///             return Reply::ready(Err(error));
///         };
///         let entry = entries.entry(request.key().to_string()).or_default();
///         let applied = entry.apply(request.limits(), request.operation(), SystemClock.now());
///         Reply::ready(Ok(applied.decision))
///     }
///
///     fn answers_at_once(&self) -> bool {
///         true
///     }
/// }
///
/// let limiter = RateLimiter::new(Hoard::default());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Store`",
    note = "implement `AsyncStore` for a store that waits for something, `Store` for one that answers at once"
)]
pub trait Store: Send + Sync + 'static {
    /// Applies one operation to the state of one key, all or nothing.
    fn apply(&self, request: &Request<'_>) -> Reply<'_>;

    /// Tells whether every reply of this store is [`Reply::Ready`]. It is a promise: callers that
    /// need not wait save what waiting takes, see [`Check::at_once`](crate::Check::at_once).
    ///
    /// A store around a store promises what the inner one does. There is no default, since a
    /// wrapper that forgot to forward it would take the promise away.
    ///
    /// ```
    /// use fastlimit::store::{Reply, Request, Store};
    ///
    /// struct Counted<S>(S);
    ///
    /// impl<S: Store> Store for Counted<S> {
    ///     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
    ///         // ... counts the request, and:
    ///         self.0.apply(request)
    ///     }
    ///
    ///     fn answers_at_once(&self) -> bool {
    ///         self.0.answers_at_once()
    ///     }
    /// }
    /// # assert!(Counted(fastlimit::MemoryStore::new()).answers_at_once());
    /// ```
    fn answers_at_once(&self) -> bool;

    /// Applies several requests, each for itself as [`apply`](Store::apply) does: the replies are in
    /// the order of the requests, one for each. They are asked for together, so a store with a server
    /// may send them together; whoever asks awaits all replies at the same time.
    ///
    /// By default each is applied by itself. A wrapper that leaves it so stays right; where its inner
    /// store sends together, that is lost.
    fn apply_all(&self, requests: &[Request<'_>]) -> Vec<Reply<'_>> {
        requests.iter().map(|request| self.apply(request)).collect()
    }

    /// Applies a request on each server that the store is made of, to find out whether all of them
    /// work; of the key the identifier may be another on each. By default there is one, that of the
    /// key.
    fn apply_everywhere(&self, request: &Request<'_>) -> Vec<Reply<'_>> {
        vec![self.apply(request)]
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        (**self).apply(request)
    }

    fn answers_at_once(&self) -> bool {
        (**self).answers_at_once()
    }

    fn apply_all(&self, requests: &[Request<'_>]) -> Vec<Reply<'_>> {
        (**self).apply_all(requests)
    }

    fn apply_everywhere(&self, request: &Request<'_>) -> Vec<Reply<'_>> {
        (**self).apply_everywhere(request)
    }
}
