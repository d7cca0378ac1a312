use std::num::NonZeroU64;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use ahash::RandomState;

use super::DEFAULT_PART;

/// Seeded once per process, so that nobody outside can make keys collide.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The id of [`DEFAULT_PART`], the one text whose id is known everywhere.
const DEFAULT_ID: u32 = 1;

static NEXT_ID: AtomicU32 = AtomicU32::new(DEFAULT_ID + 1);

/// Two ids and a bit more fit into a word.
const END_OF_IDS: u32 = 1 << 31;

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
        let next = |id: u32| (id < END_OF_IDS).then_some(id.wrapping_add(1));
        let id = NEXT_ID.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Self {
            id: id.unwrap_or(0),
            ..Self::of_passing(text)
        }
    }

    /// The label of [`DEFAULT_PART`].
    pub(crate) fn of_default() -> Self {
        Self {
            id: DEFAULT_ID,
            ..Self::of_passing(DEFAULT_PART)
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

/// The ids of prefix and policy, and whether the tenant is the default one; 0 if a part has none.
#[derive(Clone, Copy)]
pub(super) struct Ids(u64);

impl Ids {
    #[inline]
    pub(super) fn new(prefix: Label, policy: Label, tenant: Label) -> Self {
        if prefix.id == 0 || policy.id == 0 {
            return Self(0);
        }
        let names = (u64::from(prefix.id) << 32) | (u64::from(policy.id) << 1);
        Self(names | u64::from(tenant.id == DEFAULT_ID))
    }

    #[inline]
    pub(super) const fn of_names(self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.0 & !1)
    }

    #[inline]
    pub(super) const fn of_scope(self) -> Option<NonZeroU64> {
        if self.0 & 1 == 0 {
            return None;
        }
        NonZeroU64::new(self.0)
    }
}
