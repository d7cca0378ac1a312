use async_trait::async_trait;

use super::{Reply, Request, Store};
use crate::{Decision, StoreError};

/// A [`Store`] as one `async fn`: for stores that wait for a network or a disk.
///
/// The contract is that of [`Store`]. Every `AsyncStore` is a `Store`; its future owns a copy
/// of the request, so it may be kept and sent.
///
/// ```
/// use std::collections::HashMap;
///
/// use fastlimit::store::{AsyncStore, Entry, Request, async_trait};
/// use fastlimit::{Clock, Decision, RateLimiter, StoreError, SystemClock};
///
/// #[derive(Default)]
/// struct Hoard(tokio::sync::Mutex<HashMap<String, Entry>>);
///
/// #[async_trait]
/// impl AsyncStore for Hoard {
///     async fn apply(&self, request: Request<'_>) -> Result<Decision, StoreError> {
///         let mut entries = self.0.lock().await;
///         let entry = entries.entry(request.key().to_string()).or_default();
///         let applied = entry.apply(request.limits(), request.operation(), SystemClock.now());
///         Ok(applied.decision)
///     }
/// }
///
/// let limiter = RateLimiter::new(Hoard::default());
/// ```
#[async_trait]
pub trait AsyncStore: Send + Sync + 'static {
    /// Applies one operation to the state of one key, all or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the answer is not known.
    async fn apply(&self, request: Request<'_>) -> Result<Decision, StoreError>;
}

impl<S: AsyncStore> Store for S {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let request = request.to_owned();
        Reply::pending(async move { AsyncStore::apply(self, request.as_request()).await })
    }

    fn answers_at_once(&self) -> bool {
        false
    }
}
