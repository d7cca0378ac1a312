use std::num::NonZeroU64;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use ahash::RandomState;

use super::DEFAULT_PART;

/// Seeded once per process, so that nobody outside can make keys collide.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// Two ids and a bit more fit into a word.
const END_OF_IDS: u32 = 1 << 31;

/// A prefix or a policy's name where it is kept, with what is computed of it once.
#[derive(Debug)]
pub(crate) struct Part {
    text: Box<str>,
    /// Its share in the hash of a scope, as a prefix.
    as_prefix: u64,
    /// As a prefix, with the share of the tenant `default`.
    as_prefix_of_default: u64,
    /// As a policy.
    as_policy: u64,
    /// A number that belongs to this text for as long as the process lives, where a prefix has it
    /// in [`Ids`]; 0 if the part has none.
    id_as_prefix: u64,
    /// Where a policy has it.
    id_as_policy: u64,
}

impl Part {
    pub(crate) fn new(text: &str) -> Self {
        // Once all are taken there are no more, which costs time and is not wrong.
        let next = |id: u32| (id < END_OF_IDS).then_some(id.wrapping_add(1));
        let id = NEXT_ID.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let id = u64::from(id.unwrap_or(0));
        Self {
            text: text.into(),
            as_prefix: as_prefix(text),
            as_prefix_of_default: as_prefix(text) ^ as_tenant(DEFAULT_PART),
            as_policy: as_policy(text),
            id_as_prefix: id << 32,
            id_as_policy: id << 1,
        }
    }

    #[inline]
    pub(crate) const fn text(&self) -> &str {
        &self.text
    }
}

// The same text in another place has another share.

fn as_prefix(text: &str) -> u64 {
    SEED.hash_one(text)
}

fn as_policy(text: &str) -> u64 {
    SEED.hash_one(text).rotate_left(21)
}

fn as_tenant(text: &str) -> u64 {
    SEED.hash_one(text).rotate_left(42)
}

/// The hash of a scope whose parts are kept; the tenant is `default` if there is none.
#[inline]
pub(super) fn hash_of_kept(prefix: &Part, policy: &Part, tenant: Option<&str>) -> u64 {
    let prefix_and_tenant = match tenant {
        None => prefix.as_prefix_of_default,
        Some(tenant) => prefix.as_prefix ^ as_tenant(tenant),
    };
    prefix_and_tenant ^ policy.as_policy
}

pub(super) fn hash_of_texts(prefix: &str, policy: &str, tenant: &str) -> u64 {
    as_prefix(prefix) ^ as_policy(policy) ^ as_tenant(tenant)
}

/// The ids of prefix and policy, and whether the tenant is the default one.
#[derive(Clone, Copy)]
pub(super) struct Ids(u64);

impl Ids {
    pub(super) const NONE: Self = Self(0);

    #[inline(always)]
    pub(super) const fn new(prefix: &Part, policy: &Part, is_default_tenant: bool) -> Self {
        let tenant = match is_default_tenant {
            true => 1,
            false => 0,
        };
        Self(prefix.id_as_prefix | policy.id_as_policy | tenant)
    }

    #[inline]
    pub(super) const fn of_names(self) -> Option<NonZeroU64> {
        let (prefix, policy) = (self.0 >> 32, self.0 << 32 >> 33);
        if prefix == 0 || policy == 0 {
            return None;
        }
        NonZeroU64::new(self.0 & !1)
    }

    #[inline]
    pub(super) const fn of_scope(self) -> Option<NonZeroU64> {
        match self.of_names() {
            Some(_) if self.0 & 1 == 1 => NonZeroU64::new(self.0),
            _ => None,
        }
    }

    /// Tells whether `id`, which [`of_scope`](Ids::of_scope) gave of these or of others, belongs to
    /// these. It has all that they must have, so they need not be looked at part by part.
    #[inline(always)]
    pub(super) const fn are_of_scope(self, id: NonZeroU64) -> bool {
        self.0 == id.get()
    }
}
