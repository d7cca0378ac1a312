use std::sync::atomic::{AtomicBool, Ordering};

use super::endpoint::Endpoint;

/// Tells once that a server throws away keys when its memory is full.
#[derive(Debug, Default)]
pub(super) struct EvictionWarning {
    is_told: AtomicBool,
}

impl EvictionWarning {
    /// Tells it, unless it was told before.
    pub(super) fn warn(&self, endpoint: &Endpoint, policy: &str) {
        if !self.is_told.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                server = %endpoint,
                policy,
                "the server forgets limits when its memory is full, and admits again what was \
                 used up; set its maxmemory-policy to noeviction"
            );
        }
    }

    /// Whether it has been told.
    #[cfg(test)]
    pub(super) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }
}
