use async_trait::async_trait;

use crate::{Outcome, Reply, Request, Store, StoreError};

/// A [`Store`] as one `async fn`: for stores that wait for a network or a disk.
///
/// The contract is that of [`Store`]. Every `AsyncStore` is a `Store`; its future owns a copy
/// of the request, so it may be kept and sent.
///
/// ```
/// use std::collections::HashMap;
///
/// use fastlimit_core::{
///     AsyncStore, Clock, Entry, Outcome, RateLimiter, Request, StoreError, SystemClock,
///     async_trait,
/// };
/// # mod tokio { pub mod sync {
/// #     #[derive(Default)] pub struct Mutex<T>(std::sync::Mutex<T>);
/// #     impl<T> Mutex<T> {
/// #         pub async fn lock(&self) -> std::sync::MutexGuard<'_, T> { self.0.lock().unwrap() }
/// #     }
/// # } }
///
/// #[derive(Default)]
/// struct Hoard(tokio::sync::Mutex<HashMap<String, Entry>>);
///
/// #[async_trait]
/// impl AsyncStore for Hoard {
///     async fn apply(&self, request: Request<'_>) -> Result<Outcome, StoreError> {
///         let mut entries = self.0.lock().await;
///         let entry = entries.entry(request.key().to_string()).or_default();
///         let applied = entry.apply(request.limits(), request.operation(), SystemClock.now());
///         Ok(applied.outcome)
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
    async fn apply(&self, request: Request<'_>) -> Result<Outcome, StoreError>;
}

impl<S: AsyncStore> Store for S {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let request = request.to_owned();
        Reply::pending(async move { AsyncStore::apply(self, request.as_request()).await })
    }
}
