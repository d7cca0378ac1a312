//! Stores that have no answer, and count who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastlimit_core::store::{AsyncStore, Reply, Request, async_trait};
use fastlimit_core::{Decision, Store, StoreError, StoreErrorKind};

/// How often the stores that share it were asked.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<AtomicU64>);

impl Asked {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn fail(&self) -> StoreError {
        self.0.fetch_add(1, Ordering::SeqCst);
        StoreError::new(StoreErrorKind::NotSent, "it is switched off")
    }
}

/// Fails at once.
pub(crate) struct Down(pub(crate) Asked);

impl Store for Down {
    fn apply(&self, _: &Request<'_>) -> Reply<'_> {
        Reply::ready(Err(self.0.fail()))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

/// Fails after a while.
pub(crate) struct DownLater(pub(crate) Asked);

#[async_trait]
impl AsyncStore for DownLater {
    async fn apply(&self, _: Request<'_>) -> Result<Decision, StoreError> {
        tokio::task::yield_now().await;
        Err(self.0.fail())
    }
}
