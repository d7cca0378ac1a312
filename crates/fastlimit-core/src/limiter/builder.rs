use std::fmt;
use std::sync::Arc;

use super::{Inner, RateLimiter};
use crate::{Algorithm, Store};

/// Builds a [`RateLimiter`]; from [`RateLimiter::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct RateLimiterBuilder<S> {
    store: S,
    prefix: String,
    algorithm: Algorithm,
}

impl<S: Store> RateLimiterBuilder<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            prefix: RateLimiter::DEFAULT_PREFIX.to_owned(),
            algorithm: Algorithm::default(),
        }
    }

    /// Sets the prefix of keys: applications with different prefixes share a server without
    /// sharing counters.
    ///
    /// ```
    /// # use fastlimit_core::{RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limiter = RateLimiter::builder(MemoryStore::new()).prefix("billing").build();
    /// assert_eq!(limiter.prefix(), "billing");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the algorithm that counts a bare [`Rate`](crate::Rate). A parsed policy names its
    /// own.
    ///
    /// ```
    /// # use fastlimit_core::{Algorithm, Rate, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limiter = RateLimiter::builder(MemoryStore::new())
    ///     .default_algorithm(Algorithm::TokenBucket)
    ///     .build();
    /// let decision = limiter.check("user:42", Rate::per_second(5)?).await?;
    /// assert_eq!(decision.binding().limit().algorithm(), Algorithm::TokenBucket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn default_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Builds the limiter.
    ///
    /// ```
    /// # use fastlimit_core::{RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limiter = RateLimiter::builder(MemoryStore::new()).build();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn build(self) -> RateLimiter {
        RateLimiter {
            inner: Arc::new(Inner::new(self.store, &self.prefix, self.algorithm)),
        }
    }
}

impl<S> fmt::Debug for RateLimiterBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiterBuilder")
            .field("prefix", &self.prefix)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
