//! The keys that are checked.
//!
//! All checks ask about the same keys, whether they leave together, one by one or by `redis-benchmark`.
//! A third to a half of what a batch costs the server is memory that it has not at hand, and less of what
//! a single check does: rows with keys of their own would make the batches dearer.

use std::sync::Arc;

pub(crate) const KEYS: usize = 100_000;

pub(crate) const PREFIX: &str = "bench";
pub(crate) const POLICY: &str = "load";

/// What `redis-benchmark` replaces by a number of twelve digits.
pub(crate) const RANDOM: &str = "__rand_int__";

/// Whose keys they are.
pub(crate) fn identifiers(count: usize) -> Arc<[String]> {
    (0..count).map(identifier).collect()
}

/// As `redis-benchmark` writes a number.
pub(crate) fn identifier(number: usize) -> String {
    format!("{number:012}")
}

/// The key by which a limiter keeps the state of an identifier.
pub(crate) fn key_of(identifier: &str) -> String {
    format!("{PREFIX}:{POLICY}::{identifier}")
}
