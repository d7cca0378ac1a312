//! The suite that any [`Store`](fastlimit_core::Store) must pass: a list of [laws](LAWS), each a
//! promise that users of a limiter rely on, and a [reference model](model) in `u128`.
//!
//! If you write a store, depend on this crate for your tests. Tell the suite how to create your
//! store, and every law becomes a test of its own:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//!
//! use fastlimit::store::{Entry, Key, Reply, Request};
//! use fastlimit::{Clock, ManualClock, Store};
//! use fastlimit_conformance::{Fixture, FixtureError, Inspect, StoreFactory, async_trait};
//!
//! // The store: a lock around a map.
//! #[derive(Clone)]
//! struct MapStore {
//!     entries: Arc<Mutex<HashMap<String, Entry>>>,
//!     clock: Arc<dyn Clock>,
//! }
//!
//! impl Store for MapStore {
//!     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
//!         let now = self.clock.now();
//!         let mut entries = self.entries.lock().unwrap();
//!         entries.retain(|_, entry| entry.expires_at() >= now);
//!         let entry = entries.entry(request.key().to_string()).or_default();
//!         let applied = entry.apply(request.limits(), request.operation(), now);
//!         entries.retain(|_, entry| !entry.is_empty());
//!         Reply::ready(Ok(applied.decision))
//!     }
//!
//!     fn answers_at_once(&self) -> bool {
//!         true
//!     }
//! }
//!
//! // How to create it, on a clock that the laws may move.
//! struct MapStores;
//!
//! #[async_trait]
//! impl StoreFactory for MapStores {
//!     async fn create(&self) -> Result<Fixture, FixtureError> {
//!         let clock = ManualClock::default();
//!         let store = MapStore { entries: Arc::default(), clock: Arc::new(clock.clone()) };
//!         Ok(Fixture::new(store.clone())
//!             .with_clock(clock)
//!             .with_instance(store.clone())
//!             .with_inspector(store))
//!     }
//! }
//!
//! // How to look into it.
//! #[async_trait]
//! impl Inspect for MapStore {
//!     async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
//!         let entries = self.entries.lock().unwrap();
//!         Ok(entries.get(&key.to_string()).map(|entry| {
//!             let mut bytes = Vec::new();
//!             entry.write_to(&mut bytes);
//!             bytes
//!         }))
//!     }
//! }
//!
//! // A test for each law.
//! fastlimit_conformance::conformance_tests!(MapStores);
//!
//! // Or all of them at once, in a program or another test framework.
//! # fn main() {
//! # tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap().block_on(async {
//! let report = fastlimit_conformance::run_all(&MapStores).await;
//! assert!(report.is_conformant(), "{report}");
//! # });
//! # }
//! ```
//!
//! # What is tried
//!
//! What a [`Fixture`] brings decides how thoroughly. A law that lacks something is tried in a
//! weaker form or not at all, and says so: on the standard error stream in tests, and in the
//! [`Report`]. None passes in silence.
//!
//! - With a [`ManualClock`](fastlimit_core::ManualClock), nothing sleeps, and the laws look at
//!   single milliseconds, at years, and at clocks that step back. Without one they wait for
//!   short windows to pass.
//! - With several instances, requests of one subject go through all of them.
//! - With an [`Inspect`], the laws see that a denial leaves the state byte for byte, that a peek
//!   creates no key, and that dead state is dropped.
//!
//! Laws that hold for limits of any [`Algorithm`](fastlimit_core::Algorithm) are tried with each of
//! them; in real time without token buckets, which never stand still, but for the random
//! histories.
//!
//! Requests go to keys under a random prefix, another one for each law, so that a server may be
//! shared.
//!
//! # Random histories
//!
//! Some laws compare random requests with the model: one for each algorithm, one for policies
//! that mix them, one for the edges of the domain. A violation shows the shortest part of the
//! history that still has it, and a seed: set `FASTLIMIT_CONFORMANCE_SEED` to it to try the
//! same again. `FASTLIMIT_CONFORMANCE_HISTORIES` sets how many are tried, for a long night.

mod factory;
mod fixture;
mod history;
mod inspect;
mod law;
pub mod laws;
mod macros;
pub mod model;
mod report;
mod run;
mod scene;
mod settings;
mod tested;
mod violation;

pub use fastlimit_core::store::async_trait;

pub use factory::{FixtureError, StoreFactory};
pub use fixture::Fixture;
pub use inspect::{Inspect, Lifetime};
pub use law::{LAWS, Law, law_count};
pub use report::{LawReport, Report};
pub use run::run_all;
pub use tested::{LawResult, Tested};
pub use violation::Violation;

#[doc(hidden)]
pub mod __private {
    pub use crate::run::{test_law, test_law_count};
}
