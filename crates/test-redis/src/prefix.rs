//! Keeps the keys of tests that share a server apart.

use std::hash::{BuildHasher, RandomState};

/// Returns a key prefix that no other test uses, of letters and digits only.
///
/// ```
/// use fastlimit_test_redis::unique_prefix;
///
/// assert_ne!(unique_prefix(), unique_prefix());
/// ```
#[must_use]
pub fn unique_prefix() -> String {
    format!("test{:016x}{:016x}", random(), random())
}

/// Returns 64 bits that differ at each call and in each process.
///
/// The standard library seeds each `RandomState` anew, from the system's randomness.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn prefixes_differ() {
        let prefixes: HashSet<_> = (0..10_000).map(|_| unique_prefix()).collect();
        assert_eq!(prefixes.len(), 10_000);
    }

    #[test]
    fn a_prefix_is_letters_and_digits() {
        assert!(unique_prefix().bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
