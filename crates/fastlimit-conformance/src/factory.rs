use std::error::Error;

use fastlimit_core::store::async_trait;

use crate::Fixture;

/// Why a [`StoreFactory`] or an [`Inspect`](crate::Inspect) could not do its work.
pub type FixtureError = Box<dyn Error + Send + Sync>;

/// Creates the stores that the laws try.
///
/// Each law asks for a [`Fixture`] of its own and tries it under a random prefix, so that a
/// server may be shared: by laws that run at the same time, and with other programs.
///
/// ```
/// use fastlimit::store::{Reply, Request};
/// use fastlimit::{ManualClock, Store, StoreError, StoreErrorKind};
/// use fastlimit_conformance::{Fixture, FixtureError, StoreFactory, async_trait};
///
/// struct MyStore(ManualClock);
///
/// impl Store for MyStore {
///     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
///         // ...
/// #       Reply::ready(Err(StoreError::new(StoreErrorKind::Refused, "")))
///     }
///
///     fn answers_at_once(&self) -> bool {
///         true
///     }
/// }
///
/// struct MyStores;
///
/// #[async_trait]
/// impl StoreFactory for MyStores {
///     async fn create(&self) -> Result<Fixture, FixtureError> {
///         let clock = ManualClock::default();
///         Ok(Fixture::new(MyStore(clock.clone())).with_clock(clock))
///     }
/// }
/// ```
#[async_trait]
pub trait StoreFactory: Send + Sync {
    /// Creates a store, and what the laws may use besides.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from being created; the law that asked for it fails with that.
    async fn create(&self) -> Result<Fixture, FixtureError>;

    /// Returns the name under which the store is reported: that of the factory's type, unless
    /// you say otherwise.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }

    /// Returns how many random histories the store is tried with by each law that tries some,
    /// 2,000 unless you say otherwise. The environment variable `FASTLIMIT_CONFORMANCE_HISTORIES` goes before it.
    ///
    /// A history is about twenty requests, and is compared with the model answer by answer. In
    /// real time, without a [`ManualClock`](fastlimit_core::ManualClock), a tenth is tried.
    fn histories(&self) -> u32 {
        2_000
    }

    /// Tells why a law does not bind this store: for a store around a store that promises
    /// less, such as one that remembers denials for a moment. `None`, the default, where it
    /// does.
    ///
    /// A law that is waived is not tried, and reported as [not
    /// tested](crate::Tested::NotTested).
    fn waived(&self, law: &str) -> Option<&'static str> {
        let _ = law;
        None
    }
}
