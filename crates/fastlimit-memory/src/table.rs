use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use dashmap::{DashMap, RwLockWriteGuard, SharedValue};
use fastlimit_core::{Entry, Key, Timestamp};
use hashbrown::raw::RawTable;

use crate::subject::Subject;

type Slot = (Subject, SharedValue<Entry>);

/// How many entries are looked at to find a victim, and at how many places at the most.
const SAMPLE: u32 = 24;
const MOST_PLACES: usize = 16;

/// How many tags a shard's table tells apart: those of seven bits.
const TAGS: u64 = 128;

/// The map of subjects to entries, with a count of them that never passes its maximum.
///
/// The shards of a [`DashMap`] are used as they are: one hash and one look-up per check, with
/// the key borrowed.
#[derive(Debug)]
pub(crate) struct Table {
    map: DashMap<Subject, Entry, RandomState>,
    /// Taken before an entry is inserted, given back after it is removed.
    places: AtomicUsize,
    max_subjects: usize,
}

/// A shard that is locked.
pub(crate) struct Shard<'a> {
    table: &'a Table,
    slots: RwLockWriteGuard<'a, RawTable<Slot>>,
}

/// A place for one entry; given back when dropped unless an entry took it.
pub(crate) struct Place<'a>(&'a Table);

impl Table {
    pub(crate) fn new(max_subjects: usize) -> Self {
        // A few subjects in many shards would leave little to sample in each.
        let most = (max_subjects / 64).clamp(2, 1 << 10);
        let shards = std::thread::available_parallelism()
            .map_or(4, usize::from)
            .saturating_mul(4)
            .min(most);
        let shards = if shards.is_power_of_two() {
            shards
        } else {
            shards.next_power_of_two() / 2
        };
        Self {
            map: DashMap::with_hasher_and_shard_amount(RandomState::new(), shards),
            places: AtomicUsize::new(0),
            max_subjects,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.load(Ordering::Relaxed)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max_subjects
    }

    /// Hashes a key, with a seed of this table.
    pub(crate) fn hash(&self, key: &Key<'_>) -> u64 {
        self.map.hasher().hash_one(key)
    }

    /// Locks the shard that holds the keys of a hash.
    pub(crate) fn lock(&self, hash: u64) -> Shard<'_> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "dashmap takes what fits a word of the hash"
        )]
        let index = self.map.determine_shard(hash as usize);
        Shard {
            table: self,
            slots: self.map.shards()[index].write(),
        }
    }

    /// Takes a place, unless the table is full.
    pub(crate) fn reserve(&self) -> Option<Place<'_>> {
        self.places
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |places| {
                (places < self.max_subjects).then_some(places + 1)
            })
            .ok()?;
        Some(Place(self))
    }

    /// Takes the place of an entry that may go: one that has expired, else the one of a sample
    /// that has used least. `None` if all of the sample is protected.
    pub(crate) fn evict(&self, now: Timestamp) -> Option<Place<'_>> {
        let victim = self.victim(now)?;
        // Another caller may have changed or removed it since; then there is no place this time.
        self.lock(victim)
            .slots
            .remove_entry(victim, |(subject, entry)| {
                subject.hash() == victim && !entry.get().is_spent(now)
            })
            .map(|_| Place(self))
    }

    /// Tells whether [`evict`](Table::evict) would find a place.
    pub(crate) fn could_evict(&self, now: Timestamp) -> bool {
        self.victim(now).is_some()
    }

    /// The hash of the unprotected entry that would be missed least, among a sample; any of
    /// several that would be missed alike.
    fn victim(&self, now: Timestamp) -> Option<u64> {
        let shards = self.map.shards();
        let start = fastrand::usize(..shards.len());
        let mut victim = None;
        let mut seen = 0;
        let mut alike = 0;
        // A sparse place shows few entries, so it takes several places to see enough.
        for shard in shards.iter().cycle().skip(start).take(MOST_PLACES) {
            sample(&shard.read(), 0..TAGS, |subject, entry| {
                seen += 1;
                if entry.is_spent(now) {
                    return;
                }
                let loss = if entry.expires_at() < now {
                    0
                } else {
                    entry.usage_per_mille(now) + 1
                };
                alike = match victim {
                    Some((least, _)) if least < loss => return,
                    Some((least, _)) if least == loss => alike + 1,
                    _ => 1,
                };
                if fastrand::u32(..alike) == 0 {
                    victim = Some((loss, subject.hash()));
                }
            });
            if seen >= SAMPLE {
                break;
            }
        }
        victim.map(|(_, hash)| hash)
    }

    /// Drops a few entries that have expired, in a shard that nobody is using.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let index = fastrand::usize(..self.map.shards().len());
        if let Some(slots) = self.map.shards()[index].try_write() {
            Shard { table: self, slots }.sweep(now);
        }
    }
}

impl<'a> Shard<'a> {
    pub(crate) fn get_mut(&mut self, key: &Key<'_>, hash: u64) -> Option<&mut Entry> {
        self.slots
            .get_mut(hash, |slot| slot.0.is(key, hash))
            .map(|slot| slot.1.get_mut())
    }

    /// Inserts the entry of a key that the shard does not hold.
    pub(crate) fn insert(&mut self, key: &Key<'_>, hash: u64, entry: Entry, place: Place<'a>) {
        let slot = (Subject::new(key, hash), SharedValue::new(entry));
        self.slots.insert(hash, slot, |slot| slot.0.hash());
        std::mem::forget(place);
    }

    pub(crate) fn remove(&mut self, key: &Key<'_>, hash: u64) {
        let removed = self.slots.remove_entry(hash, |slot| slot.0.is(key, hash));
        drop(removed.map(|_| Place(self.table)));
    }

    fn sweep(&mut self, now: Timestamp) {
        let mut expired: [Option<u64>; 8] = [None; 8];
        let mut free = expired.iter_mut();
        // Half of what stands at a place: so a new subject takes more along than it adds, as long
        // as a third of all have expired.
        let first_tag = if fastrand::bool() { 0 } else { TAGS / 2 };
        sample(
            &self.slots,
            first_tag..first_tag + TAGS / 2,
            |subject, entry| {
                if entry.expires_at() < now
                    && let Some(place) = free.next()
                {
                    *place = Some(subject.hash());
                }
            },
        );
        for hash in expired.into_iter().flatten() {
            let removed = self.slots.remove_entry(hash, |slot| {
                slot.0.hash() == hash && slot.1.get().expires_at() < now
            });
            drop(removed.map(|_| Place(self.table)));
        }
    }
}

/// Shows the entries that stand near a random place of a shard, those whose tag is in `tags`:
/// all the tags show the sixteen or so entries there.
///
/// The table keeps the seven top bits of a hash as a tag and starts a look-up where the bottom
/// bits say, so look-ups of hashes with the same bottom and every tag come past everything that
/// stands there. Were that to change, a sample would be smaller, never wrong.
fn sample(slots: &RawTable<Slot>, tags: Range<u64>, mut show: impl FnMut(&Subject, &Entry)) {
    let place = fastrand::u64(..) >> 7;
    for tag in tags {
        let _ = slots.get(place | (tag << 57), |(subject, entry)| {
            show(subject, entry.get());
            false
        });
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.places.fetch_sub(1, Ordering::Relaxed);
    }
}
