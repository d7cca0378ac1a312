use std::sync::LazyLock;

use ahash::RandomState;

/// Seeded once per process, so that nobody outside can make keys collide.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The hash of one part of a key, computed once where the part lives longer than a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartHash(u64);

impl PartHash {
    pub(crate) fn of(part: &str) -> Self {
        Self(SEED.hash_one(part))
    }

    /// Combines the hashes of prefix, policy and tenant; the same part in another place gives
    /// another hash.
    pub(crate) const fn combine(prefix: Self, policy: Self, tenant: Self) -> u64 {
        prefix.0 ^ policy.0.rotate_left(21) ^ tenant.0.rotate_left(42)
    }
}
