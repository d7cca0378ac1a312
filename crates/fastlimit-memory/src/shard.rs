use ahash::RandomState;
use fastlimit_core::{Entry, Key, Timestamp};
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU64;

use crate::index::Index;
use crate::name::{Identifier, Name};
use crate::scope::{ScopeId, Scopes};
use crate::slab::{Slab, Subject};

/// How many subjects are looked at to find a victim.
pub(crate) const SAMPLE: u32 = 24;

/// How many slots a sweep looks at.
const SWEEP: u32 = 8;

/// One call in so many is due to sweep.
const CALLS_PER_SWEEP: u32 = 64;

/// A part of a table's subjects.
///
/// What a call needs stands first, so that together with the lock it is one cache line.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Shard {
    calls: u32,
    /// The slot that the next sweep begins with.
    swept: u32,
    index: Index,
    /// The number of the [first](ScopeId::FIRST) of the scopes: few stores have many.
    first_scope: Option<NonZeroU64>,
    slab: Slab,
    scopes: Scopes,
}

/// What a sample of a shard's subjects shows.
pub(crate) struct Sample {
    /// The slot of the one that would be missed least; of several that would be missed alike,
    /// any. `None` if all of them are protected.
    pub(crate) victim: Option<u32>,
    pub(crate) seen: u32,
}

impl Shard {
    /// The subject of a key, and its slot. One of many is missed here and found by
    /// [`find`](Shard::find): the one that follows another with the same part of the hash.
    #[inline(always)]
    pub(crate) fn find_first(
        &mut self,
        key: &Key<'_>,
        identifier: Identifier<'_>,
        hash: u64,
    ) -> Option<(u32, &mut Entry)> {
        let at = self.index.candidates(hash).next()?;
        let subject = self.slab.get_mut(at)?;
        if !subject.name.is(identifier) {
            return None;
        }
        let is_of_first = subject.scope == ScopeId::FIRST
            && self
                .first_scope
                .is_some_and(|number| key.has_scope_id(number));
        let is_it = is_of_first || self.scopes.is(subject.scope, key);
        is_it.then_some((at, &mut subject.entry))
    }

    /// The slot of the subject of a key.
    pub(crate) fn find(&self, key: &Key<'_>, identifier: Identifier<'_>, hash: u64) -> Option<u32> {
        let is_it = |at: &u32| {
            self.slab
                .get(*at)
                .is_some_and(|subject| self.is(subject, key, identifier))
        };
        self.index.candidates(hash).find(is_it)
    }

    fn is(&self, subject: &Subject, key: &Key<'_>, identifier: Identifier<'_>) -> bool {
        subject.name.is(identifier) && self.scopes.is(subject.scope, key)
    }

    #[inline(always)]
    pub(crate) fn entry(&mut self, at: u32) -> Option<&mut Entry> {
        Some(&mut self.slab.get_mut(at)?.entry)
    }

    /// Inserts a subject that the shard does not hold. False if it holds four billion.
    pub(crate) fn insert(
        &mut self,
        key: &Key<'_>,
        identifier: Identifier<'_>,
        hash: u64,
        entry: Entry,
        hasher: &RandomState,
    ) -> bool {
        let Some(scope) = self.scopes.join(key) else {
            return false;
        };
        self.first_scope = self.scopes.first_number();
        let subject = Subject {
            name: Name::new(identifier),
            entry,
            scope,
        };
        let Some(at) = self.slab.insert(subject) else {
            self.scopes.leave(scope);
            self.first_scope = self.scopes.first_number();
            return false;
        };
        let Self {
            index,
            slab,
            scopes,
            ..
        } = self;
        index.insert(hash, at, |at| hash_again(slab, at, scopes, hasher));
        true
    }

    pub(crate) fn remove(&mut self, at: u32, hasher: &RandomState) -> bool {
        let Self {
            index,
            slab,
            scopes,
            ..
        } = self;
        let hash_of = |at| hash_again(slab, at, scopes, hasher);
        index.remove(hash_of(at), at, hash_of);
        let Some(subject) = slab.remove(at) else {
            return false;
        };
        scopes.leave(subject.scope);
        self.first_scope = self.scopes.first_number();
        true
    }

    /// Counts a call; true if it is due to sweep.
    #[inline(always)]
    pub(crate) fn count_call(&mut self) -> bool {
        self.calls = self.calls.wrapping_add(1);
        self.calls.is_multiple_of(CALLS_PER_SWEEP)
    }

    /// Drops what has expired of the next few slots, and returns how many that were. A new
    /// subject takes more along than it adds, as long as an eighth of all have expired.
    pub(crate) fn sweep(&mut self, now: Timestamp, hasher: &RandomState) -> usize {
        let slots = self.slab.len();
        let mut removed = 0;
        for _ in 0..SWEEP.min(slots) {
            let at = if self.swept < slots { self.swept } else { 0 };
            self.swept = at.wrapping_add(1);
            let has_expired = |subject: &Subject| subject.entry.expires_at() < now;
            if self.slab.get(at).is_some_and(has_expired) && self.remove(at, hasher) {
                removed = usize::wrapping_add(removed, 1);
            }
        }
        removed
    }

    /// Looks at a few subjects, at random.
    pub(crate) fn sample(&self, now: Timestamp) -> Sample {
        let slots = self.slab.len();
        let mut sample = Sample {
            victim: None,
            seen: 0,
        };
        let mut least = u64::MAX;
        let mut alike = 0;
        // Few slots are free where a victim is wanted, so some more places show enough.
        for place in 0..slots.min(2 * SAMPLE) {
            if sample.seen == SAMPLE {
                break;
            }
            let at = if slots <= SAMPLE {
                place
            } else {
                fastrand::u32(..slots)
            };
            let Some(subject) = self.slab.get(at) else {
                continue;
            };
            sample.seen += 1;
            if subject.entry.is_spent(now) {
                continue;
            }
            let loss = if subject.entry.expires_at() < now {
                0
            } else {
                subject.entry.usage_per_mille(now).saturating_add(1)
            };
            if loss < least {
                (least, alike) = (loss, 0);
            }
            if loss == least {
                alike += 1;
                if fastrand::u32(..alike) == 0 {
                    sample.victim = Some(at);
                }
            }
        }
        sample
    }
}

/// The hash of a key: that of the identifier with a seed of the table, and that of the scope with
/// a seed of the process.
#[inline(always)]
pub(crate) fn hash_of(identifier: &[u8], scope: u64, hasher: &RandomState) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(identifier);
    state.finish() ^ scope
}

/// The hash of the key whose subject is in a slot.
fn hash_again(slab: &Slab, at: u32, scopes: &Scopes, hasher: &RandomState) -> u64 {
    slab.get(at).map_or(0, |subject| {
        hash_of(subject.name.bytes(), scopes.hash(subject.scope), hasher)
    })
}
