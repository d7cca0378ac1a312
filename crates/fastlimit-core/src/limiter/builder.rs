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
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the algorithm that counts a bare [`Rate`](crate::Rate). A parsed policy names its
    /// own. Checks under a rate that it does not serve end with an error.
    pub fn default_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Builds the limiter.
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
