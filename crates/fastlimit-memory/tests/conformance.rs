//! The laws that any store must pass, on the memory store.

use fastlimit_conformance::{
    Fixture, FixtureError, Inspect, StoreFactory, async_trait, conformance_tests,
};
use fastlimit_core::ManualClock;
use fastlimit_core::store::Key;
use fastlimit_memory::MemoryStore;

/// Stores on a clock that the laws move.
struct OnManualClock;

#[async_trait]
impl StoreFactory for OnManualClock {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let clock = ManualClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Ok(Fixture::new(store.clone())
            .with_instance(store.clone())
            .with_clock(clock)
            .with_inspector(Entries(store)))
    }

    fn name(&self) -> &str {
        "MemoryStore on a manual clock"
    }
}

/// Stores on the system's clock.
struct OnSystemClock;

#[async_trait]
impl StoreFactory for OnSystemClock {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let store = MemoryStore::new();
        Ok(Fixture::new(store.clone()).with_inspector(Entries(store)))
    }

    fn name(&self) -> &str {
        "MemoryStore on the system's clock"
    }
}

/// Stores with a bound that no law comes near.
struct Bounded;

#[async_trait]
impl StoreFactory for Bounded {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let clock = ManualClock::default();
        let store = MemoryStore::builder()
            .clock(clock.clone())
            .max_subjects(100_000)
            .build();
        Ok(Fixture::new(store.clone())
            .with_clock(clock)
            .with_inspector(Entries(store)))
    }

    fn name(&self) -> &str {
        "MemoryStore with a bound"
    }
}

/// What the store holds, past its answers.
struct Entries(MemoryStore);

#[async_trait]
impl Inspect for Entries {
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
        Ok(self.0.entry(&key).map(|entry| {
            let mut bytes = Vec::new();
            entry.write_to(&mut bytes);
            bytes
        }))
    }
}

mod on_manual_clock {
    use super::*;

    conformance_tests!(OnManualClock);
}

mod on_system_clock {
    use super::*;

    conformance_tests!(OnSystemClock);
}

mod bounded {
    use super::*;

    conformance_tests!(Bounded);
}
