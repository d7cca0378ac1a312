use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastlimit_core::StoreError;

/// Tells the log when a server goes away and when it is back: once each, however often it is tried.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// What was told last, if anything is wrong.
    told: Mutex<Option<String>>,
}

impl Outage {
    /// A connection was lost, and perhaps it is known why.
    pub(super) fn lost(&self, server: &str, error: Option<&StoreError>) {
        match error {
            Some(error) => self.tell(server, &error.message()),
            // It happens to idle connections, and the next one may be there in a moment.
            None => tracing::debug!(server, "connection closed"),
        }
    }

    /// An attempt to connect failed.
    pub(super) fn goes_on(&self, server: &str, error: &impl Display) {
        self.tell(server, error);
    }

    /// There are answers again.
    pub(super) fn is_over(&self, server: &str) {
        if self.told().take().is_some() {
            tracing::info!(server, "Redis answers again");
        }
    }

    fn tell(&self, server: &str, error: &impl Display) {
        let error = error.to_string();
        let mut told = self.told();
        if told.as_ref() == Some(&error) {
            return;
        }
        tracing::warn!(server, error, "Redis cannot be asked");
        *told = Some(error);
    }

    fn told(&self) -> MutexGuard<'_, Option<String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
