use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use fastlimit_core::{Entry, Key, Timestamp};

use crate::lock::{Guard, Lock};
use crate::name::Identifier;
use crate::shard::{SAMPLE, Shard, hash_of};

/// At how many shards the search for a victim looks at the most.
const MOST_SHARDS: usize = 16;

/// The map of subjects to entries, with a count of them that never passes its maximum.
#[derive(Debug)]
pub(crate) struct Table {
    hasher: RandomState,
    shards: Box<[Apart<Lock<Shard>>]>,
    max_subjects: usize,
    /// Taken before an entry is inserted, given back after it is removed.
    places: Apart<AtomicUsize>,
}

/// What is changed by one thread while another one reads or changes its neighbours, in cache
/// lines of its own; some processors fetch two at a time.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// A shard that is locked.
pub(crate) struct Locked<'a> {
    table: &'a Table,
    shard: Guard<'a, Shard>,
}

/// A place for one entry; given back when dropped unless an entry took it.
pub(crate) struct Place<'a>(&'a Table);

impl Table {
    pub(crate) fn new(max_subjects: usize) -> Self {
        // A few subjects in many shards would leave little to sample in each.
        let most = (max_subjects / 64).clamp(2, 1 << 10);
        let shards = std::thread::available_parallelism()
            .map_or(4, usize::from)
            .saturating_mul(16)
            .min(most);
        let shards = if shards.is_power_of_two() {
            shards
        } else {
            shards.next_power_of_two() / 2
        };
        Self {
            hasher: RandomState::new(),
            shards: (0..shards).map(|_| Apart::default()).collect(),
            max_subjects,
            places: Apart::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.0.load(Ordering::Relaxed)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max_subjects
    }

    /// Hashes a key, with a seed of this table.
    #[inline(always)]
    pub(crate) fn hash(&self, key: &Key<'_>, identifier: Identifier<'_>) -> u64 {
        hash_of(identifier.bytes(), key.scope_hash(), &self.hasher)
    }

    /// Locks the shard that holds the keys of a hash.
    #[inline(always)]
    pub(crate) fn lock(&self, hash: u64) -> Locked<'_> {
        // The index of a shard's subjects begins with the lower half, and uses of the upper one
        // first the highest bits. The number of shards is a power of two.
        let index = usize::try_from(hash >> 32).unwrap_or(0) & self.shards.len().wrapping_sub(1);
        self.locked(&self.shards[index])
    }

    #[inline(always)]
    fn locked<'a>(&'a self, shard: &'a Apart<Lock<Shard>>) -> Locked<'a> {
        Locked {
            table: self,
            shard: shard.0.lock(),
        }
    }

    /// Takes a place, unless the table is full.
    pub(crate) fn reserve(&self) -> Option<Place<'_>> {
        self.places
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |places| {
                (places < self.max_subjects).then_some(places + 1)
            })
            .ok()?;
        Some(Place(self))
    }

    fn give_back(&self, places: usize) {
        if places > 0 {
            self.places.0.fetch_sub(places, Ordering::Relaxed);
        }
    }

    /// Takes the place of an entry that may go: one that has expired, else the one of a sample
    /// that has used least. `None` if all of the sample is protected.
    pub(crate) fn evict(&self, now: Timestamp) -> Option<Place<'_>> {
        let (mut locked, victim) = self.victim(now)?;
        locked
            .shard
            .remove(victim, &self.hasher)
            .then_some(Place(self))
    }

    /// Tells whether [`evict`](Table::evict) would find a place.
    pub(crate) fn could_evict(&self, now: Timestamp) -> bool {
        self.victim(now).is_some()
    }

    /// The shard and the slot of a subject that may go.
    fn victim(&self, now: Timestamp) -> Option<(Locked<'_>, u32)> {
        let start = fastrand::usize(..self.shards.len());
        let mut seen = 0_u32;
        // A sparse shard shows few subjects, so it takes several shards to see enough.
        for shard in self.shards.iter().cycle().skip(start).take(MOST_SHARDS) {
            let locked = self.locked(shard);
            let sample = locked.shard.sample(now);
            if let Some(victim) = sample.victim {
                return Some((locked, victim));
            }
            seen = seen.saturating_add(sample.seen);
            if seen >= SAMPLE {
                break;
            }
        }
        None
    }

    /// Drops a few entries that have expired, in a shard that nobody is using.
    #[cold]
    pub(crate) fn sweep(&self, now: Timestamp) {
        let index = fastrand::usize(..self.shards.len());
        if let Some(mut shard) = self.shards[index].0.try_lock() {
            self.give_back(shard.sweep(now, &self.hasher));
        }
    }
}

impl<'a> Locked<'a> {
    /// Inserts the entry of a key that the shard does not hold.
    pub(crate) fn insert(
        &mut self,
        key: &Key<'_>,
        identifier: Identifier<'_>,
        hash: u64,
        entry: Entry,
        place: Place<'a>,
    ) {
        let hasher = &self.table.hasher;
        if self.shard.insert(key, identifier, hash, entry, hasher) {
            std::mem::forget(place);
        }
    }

    pub(crate) fn remove(&mut self, at: u32) {
        let removed = self.shard.remove(at, &self.table.hasher);
        self.table.give_back(usize::from(removed));
    }
}

impl Deref for Locked<'_> {
    type Target = Shard;

    #[inline(always)]
    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl DerefMut for Locked<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.shard
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.give_back(1);
    }
}
