use std::time::Duration;

use fastlimit_core::store::Key;
use fastlimit_core::store::async_trait;

use crate::FixtureError;

/// Looks at what a store holds, past the store.
///
/// With it the laws see what no answer shows: that a denial leaves the state byte for byte,
/// that a peek creates no key, that dead state is dropped.
#[async_trait]
pub trait Inspect: Send + Sync + 'static {
    /// Returns what is stored of a subject, `None` if there is nothing.
    ///
    /// The bytes are only compared with each other. State that is dead and has not been dropped
    /// yet is still there.
    ///
    /// # Errors
    ///
    /// Whatever keeps the state from being read; the law fails with that.
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError>;

    /// Returns how long a subject will be stored if it is not written again, by the clock of
    /// the real world. `None`, the default, if the store drops state in another way.
    ///
    /// # Errors
    ///
    /// Whatever keeps that from being read; the law fails with that.
    async fn lifetime(&self, key: Key<'_>) -> Result<Option<Lifetime>, FixtureError> {
        let _ = key;
        Ok(None)
    }

    /// Puts bytes in the place of a subject's state, as another program might have, and tells
    /// whether that can be done. `false`, the default, where nobody else can write.
    ///
    /// # Errors
    ///
    /// Whatever keeps the bytes from being written; the law fails with that.
    async fn plant(&self, key: Key<'_>, bytes: &[u8]) -> Result<bool, FixtureError> {
        let _ = (key, bytes);
        Ok(false)
    }
}

/// How long state will be stored if it is not written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// For this time.
    For(Duration),
    /// For ever, which no law allows.
    Endless,
}
