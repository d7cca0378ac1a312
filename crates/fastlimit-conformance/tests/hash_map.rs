//! The smallest correct store passes every law.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fastlimit_conformance::{
    Fixture, FixtureError, Inspect, StoreFactory, Tested, async_trait, laws,
};
use fastlimit_core::store::{Entry, Key, Reply, Request};
use fastlimit_core::{Clock, ManualClock, Store, StoreError, StoreErrorKind, SystemClock};

type Values = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A lock around a map of bytes, as a server would keep them.
struct HashMapStore<C> {
    values: Values,
    clock: C,
    /// What it makes of bytes that are not its own.
    foreign: Foreign,
}

#[derive(Clone, Copy, PartialEq)]
enum Foreign {
    IsAnError,
    /// The error holds the identifier.
    TellsTheIdentifier,
    IsFresh,
}

impl<C: Clock> Store for HashMapStore<C> {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let now = self.clock.now();
        let mut values = self.values.lock().unwrap();
        let text = request.key().to_string();
        let mut entry = match values.get(&text).map(|bytes| Entry::from_bytes(bytes)) {
            None => Entry::new(),
            Some(Ok(entry)) => entry,
            Some(Err(_)) if self.foreign == Foreign::IsFresh => Entry::new(),
            Some(Err(error)) => {
                let shown = match self.foreign {
                    Foreign::TellsTheIdentifier => text,
                    _ => request.key().redacted().to_string(),
                };
                let error =
                    StoreError::new(StoreErrorKind::ForeignData, format!("{shown}: {error}"));
                return Reply::ready(Err(error));
            }
        };
        let applied = entry.apply(request.limits(), request.operation(), now);
        if applied.changed {
            values.insert(text, bytes(&entry));
            values.retain(|_, bytes| {
                Entry::from_bytes(bytes)
                    // At the last of all times, what lives on seems to expire now.
                    .map_or(true, |entry| !entry.is_empty() && entry.expires_at() >= now)
            });
        }
        Reply::ready(Ok(applied.decision))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

fn bytes(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry.write_to(&mut bytes);
    bytes
}

struct Peephole(Values);

#[async_trait]
impl Inspect for Peephole {
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
        Ok(self.0.lock().unwrap().get(&key.to_string()).cloned())
    }

    async fn plant(&self, key: Key<'_>, bytes: &[u8]) -> Result<bool, FixtureError> {
        let mut values = self.0.lock().unwrap();
        values.insert(key.to_string(), bytes.to_vec());
        Ok(true)
    }
}

fn stores<C: Clock + Clone>(clock: &C, foreign: Foreign) -> Fixture {
    let values = Values::default();
    let store = || HashMapStore {
        values: Arc::clone(&values),
        clock: clock.clone(),
        foreign,
    };
    Fixture::new(store())
        .with_instance(store())
        .with_instance(store())
        .with_inspector(Peephole(Arc::clone(&values)))
}

struct OnManualClock;

#[async_trait]
impl StoreFactory for OnManualClock {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let clock = ManualClock::default();
        Ok(stores(&clock, Foreign::IsAnError).with_clock(clock))
    }
}

struct InRealTime;

#[async_trait]
impl StoreFactory for InRealTime {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        Ok(stores(&SystemClock, Foreign::IsAnError))
    }
}

/// A store and nothing else.
struct Alone;

#[async_trait]
impl StoreFactory for Alone {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        Ok(Fixture::new(HashMapStore {
            values: Values::default(),
            clock: SystemClock,
            foreign: Foreign::IsAnError,
        }))
    }

    fn histories(&self) -> u32 {
        50
    }
}

/// What is wrong with foreign data.
struct Broken(Foreign);

#[async_trait]
impl StoreFactory for Broken {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        Ok(stores(&SystemClock, self.0))
    }
}

#[tokio::test]
async fn what_is_wrong_with_foreign_data_is_caught() {
    let law = laws::storage::foreign_data_is_an_error_and_left_as_it_is;
    assert_eq!(law(&OnManualClock).await, Ok(Tested::InFull));
    for (foreign, expected) in [
        (Foreign::IsFresh, "an error of the kind ForeignData"),
        (Foreign::TellsTheIdentifier, "no identifier"),
    ] {
        let violation = law(&Broken(foreign)).await.unwrap_err();
        assert_eq!(
            violation.law(),
            "foreign_data_is_an_error_and_left_as_it_is"
        );
        assert_eq!(violation.expected(), expected);
    }
}

mod on_a_manual_clock {
    use super::*;

    fastlimit_conformance::conformance_tests!(OnManualClock);
}

mod in_real_time {
    use super::*;

    fastlimit_conformance::conformance_tests!(InRealTime);
}

mod alone {
    use super::*;

    fastlimit_conformance::conformance_tests!(Alone);
}
