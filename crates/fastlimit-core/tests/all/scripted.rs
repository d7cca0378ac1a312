use fastlimit::MemoryStore;
use fastlimit_core::store::{AsyncStore, Request, async_trait};
use fastlimit_core::{Decision, Store, StoreError, StoreErrorKind};

/// What becomes of a request to a [`Scripted`] store.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    Answered,
    /// It is not carried out.
    Fails(StoreErrorKind),
    NeverAnswered,
}

/// A store in memory of which some requests fail, and that has to be waited for.
pub(crate) struct Scripted<F> {
    inner: MemoryStore,
    fate: F,
}

impl<F: Fn(&Request<'_>) -> Fate + Send + Sync + 'static> Scripted<F> {
    pub(crate) fn new(inner: &MemoryStore, fate: F) -> Self {
        let inner = inner.clone();
        Self { inner, fate }
    }
}

#[async_trait]
impl<F: Fn(&Request<'_>) -> Fate + Send + Sync + 'static> AsyncStore for Scripted<F> {
    async fn apply(&self, request: Request<'_>) -> Result<Decision, StoreError> {
        tokio::task::yield_now().await;
        match (self.fate)(&request) {
            Fate::Answered => Store::apply(&self.inner, &request).await,
            Fate::Fails(kind) => Err(StoreError::new(kind, "as the test wants it")),
            Fate::NeverAnswered => std::future::pending().await,
        }
    }
}
