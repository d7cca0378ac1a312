use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use ahash::RandomState;

/// Seeded once per process, so that nobody outside can make keys collide.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// What is known of a part of a key besides its text: computed once where the part lives longer
/// than a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    hash: u64,
    /// Belongs to one text for as long as the process lives; 0 if the part has none.
    id: u32,
}

impl Label {
    /// The label of a text that is kept, and never changes.
    pub(crate) fn of_kept(text: &str) -> Self {
        // Once all are taken there are no more, which costs time and is not wrong.
        let next = |id: u32| (id != 0).then_some(id.wrapping_add(1));
        let id = NEXT_ID.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Self {
            id: id.unwrap_or(0),
            ..Self::of_passing(text)
        }
    }

    /// The label of a text that came with a request.
    pub(crate) fn of_passing(text: &str) -> Self {
        Self {
            hash: SEED.hash_one(text),
            id: 0,
        }
    }
}

/// Combines the hashes of prefix, policy and tenant; the same part in another place gives another
/// hash.
#[inline]
pub(super) const fn scope_hash(prefix: Label, policy: Label, tenant: Label) -> u64 {
    prefix.hash ^ policy.hash.rotate_left(21) ^ tenant.hash.rotate_left(42)
}

/// Combines the ids of prefix and policy; 0 if one has none.
#[inline]
pub(super) fn names_id(prefix: Label, policy: Label) -> u64 {
    if prefix.id == 0 || policy.id == 0 {
        return 0;
    }
    (u64::from(prefix.id) << 32) | u64::from(policy.id)
}
