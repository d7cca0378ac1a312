use std::sync::Arc;

use fastlimit_core::Clock;

use crate::MemoryStore;
use crate::time::Time;

/// Builds a [`MemoryStore`]; from [`MemoryStore::builder`].
///
/// ```
/// use fastlimit::{ManualClock, MemoryStore};
///
/// let clock = ManualClock::default();
/// let store = MemoryStore::builder()
///     .clock(clock.clone())
///     .max_subjects(100_000)
///     .build();
/// assert!(store.is_empty());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct MemoryStoreBuilder {
    time: Time,
    max_subjects: usize,
}

impl MemoryStoreBuilder {
    pub(crate) fn new() -> Self {
        Self {
            time: Time::System,
            max_subjects: usize::MAX,
        }
    }

    /// Sets the clock; otherwise it is the system's, read as the [crate's
    /// documentation](crate#time) says. Tests pass a
    /// [`ManualClock`](fastlimit_core::ManualClock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.time = Time::Given(Arc::new(clock));
        self
    }

    /// Sets how many subjects the store holds at most, without a bound otherwise. What happens
    /// when it is full, the [crate's documentation](crate#memory) says. Zero is read as one.
    ///
    /// Beside these there is one overflow entry for each prefix and policy.
    pub fn max_subjects(mut self, max_subjects: usize) -> Self {
        self.max_subjects = max_subjects.max(1);
        self
    }

    /// Builds the store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore::from_parts(self.time, self.max_subjects)
    }
}
