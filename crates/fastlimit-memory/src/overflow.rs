use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastlimit_core::{Entry, Key, Outcome, Request, Timestamp};

/// The entries that subjects share for whom there is no room: one for each prefix and policy.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    entries: Mutex<HashMap<String, Entry>>,
}

impl Overflow {
    pub(crate) fn apply(&self, request: &Request<'_>, now: Timestamp) -> Outcome {
        let key = request.key();
        let shared = Key::new(key.prefix(), key.policy(), "", "").to_string();
        let mut entries = self.lock();
        // There are as many as policies, so looking at all of them is cheap.
        entries.retain(|name, entry| *name == shared || entry.expires_at() >= now);
        let entry = entries.entry(shared).or_default();
        entry
            .apply(request.limits(), request.operation(), now)
            .outcome
    }

    /// Nothing panics while the lock is held, and an entry is whole at any time.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
