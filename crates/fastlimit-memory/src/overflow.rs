use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use fastlimit_core::store::{Entry, Key, OwnedKey, Request};
use fastlimit_core::{Decision, Timestamp};

/// The entries that subjects share for whom there is no room: one for each prefix and policy.
#[derive(Default)]
pub(crate) struct Overflow {
    entries: Mutex<HashMap<OwnedKey, Entry>>,
}

impl Overflow {
    pub(crate) fn apply(&self, request: &Request<'_>, now: Timestamp) -> Decision {
        let key = request.key();
        let shared = OwnedKey::from(Key::new(key.prefix(), key.policy(), "", ""));
        // An entry is whole at any time.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // There are as many as policies, so looking at all of them is cheap.
        entries.retain(|key, entry| *key == shared || entry.expires_at() >= now);
        let (limits, operation) = (request.limits(), request.operation());
        let entry = entries.entry(shared).or_default();
        entry.apply(limits, operation, now).decision
    }
}
