//! The map of subjects to entries, with a count that never passes its maximum. Three rules hold
//! it together:
//!
//! - A subject is in the map if and only if its place is in a ring. So whoever takes it out of
//!   the map does it with the place in hand: a subject that is reset stays, with an empty entry,
//!   until its place is looked at.
//! - The count is that of entries that are not empty, and it is raised before an entry is
//!   filled.
//! - Whoever holds a ring may look into the map; whoever holds an entry of the map touches
//!   neither the map nor a ring.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as InMap;
use dashmap::mapref::one::RefMut;
use fastlimit_core::Timestamp;
use fastlimit_core::store::Entry;

use crate::fingerprint::{BuildPlaceHasher, Fingerprint, Place};
use crate::rings::{Ring, Rings};

/// How many places a sweep looks at: one more than a new subject adds, so that there are never
/// more than about twice as many subjects as are alive.
const SWEEP: usize = 2;

/// At how many subjects the search for a victim looks.
const SAMPLE: usize = 24;

pub(crate) struct Table {
    map: DashMap<Fingerprint, Entry, BuildPlaceHasher>,
    rings: Rings,
    subjects: AtomicUsize,
    max_subjects: usize,
}

impl Table {
    pub(crate) fn new(max_subjects: usize) -> Self {
        let threads = thread::available_parallelism().map_or(4, usize::from);
        // So many that one of a few million subjects grows in a few milliseconds.
        let shards = threads.saturating_mul(16).clamp(64, 1 << 10);
        // A few subjects in many rings would leave little to sample in each.
        let rings = threads.saturating_mul(4).min(max_subjects / 64);
        Self {
            map: DashMap::with_hasher_and_shard_amount(
                BuildPlaceHasher::default(),
                shards.next_power_of_two(),
            ),
            rings: Rings::new(rings),
            subjects: AtomicUsize::new(0),
            max_subjects,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.subjects.load(Ordering::Relaxed)
    }

    /// Locks the entry of a subject, if something is known of it.
    #[inline]
    pub(crate) fn get(&self, subject: Fingerprint) -> Option<RefMut<'_, Fingerprint, Entry>> {
        let entry = self.map.get_mut(&subject)?;
        (!entry.is_empty()).then_some(entry)
    }

    /// Changes the entry of a subject, an empty one if nothing is known of it. There must be room
    /// for it, which is given back if it is not needed.
    pub(crate) fn fill<T>(&self, subject: Fingerprint, change: impl FnOnce(&mut Entry) -> T) -> T {
        let (mut entry, is_new) = match self.map.entry(subject) {
            InMap::Occupied(occupied) => (occupied.into_ref(), false),
            InMap::Vacant(vacant) => (vacant.insert(Entry::new()), true),
        };
        let held_before = usize::from(!entry.is_empty());
        let changed = change(&mut entry);
        let held = usize::from(!entry.is_empty());
        drop(entry);
        self.give_back(1 + held_before - held);
        if is_new {
            self.rings.lock_any().push_back(subject.place);
        }
        changed
    }

    /// Takes room for a subject, unless the table is full.
    pub(crate) fn reserve(&self) -> bool {
        let one_more = |subjects| (subjects < self.max_subjects).then_some(subjects + 1);
        self.subjects
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }

    pub(crate) fn give_back(&self, subjects: usize) {
        if subjects > 0 {
            self.subjects.fetch_sub(subjects, Ordering::Relaxed);
        }
    }

    /// Takes the room of a subject that may go: one that has expired, else the one of a sample
    /// that has used least. False if all of the sample is protected.
    pub(crate) fn evict(&self, now: Timestamp) -> bool {
        let may_go = |entry: &Entry| !entry.is_empty() && !entry.is_spent(now);
        self.victim(now).is_some_and(|(mut ring, at)| {
            let place = ring.swap_remove_back(at);
            // Another caller may have changed it since; then there is no room this time.
            self.remove_if(&mut ring, place, may_go).is_some()
        })
    }

    /// Tells whether there is room or [`evict`](Table::evict) would make it.
    pub(crate) fn could_have_room(&self, now: Timestamp) -> bool {
        self.len() < self.max_subjects || self.victim(now).is_some()
    }

    /// A ring, and where in it the place of a subject is that may go.
    fn victim(&self, now: Timestamp) -> Option<(MutexGuard<'_, Ring>, usize)> {
        let mut left = SAMPLE;
        // A ring may show too few. At random, since subjects that came together stand together.
        for ring in self.rings.lock_each() {
            let places = ring.len();
            let at = |nth| match places > left {
                true => fastrand::usize(..places),
                false => nth,
            };
            let looked_at = (0..left.min(places)).map(at);
            let losses = looked_at.filter_map(|at| Some((self.loss(ring.get(at)?, now)?, at)));
            if let Some((_, at)) = losses.min() {
                return Some((ring, at));
            }
            left = left.saturating_sub(places);
            if left == 0 {
                break;
            }
        }
        None
    }

    /// How much would be lost with a subject; `None` if it is protected.
    fn loss(&self, place: &Place, now: Timestamp) -> Option<u64> {
        let entry = self.map.get(place)?;
        if entry.is_empty() || entry.is_spent(now) {
            None
        } else if entry.expires_at() < now {
            Some(0)
        } else {
            Some(entry.usage_per_mille(now).saturating_add(1))
        }
    }

    /// Drops what has expired among a few subjects.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let may_go = |entry: &Entry| entry.is_empty() || entry.expires_at() < now;
        let mut ring = self.rings.lock_any();
        for _ in 0..SWEEP.min(ring.len()) {
            let place = ring.pop_front();
            if let Some(entry) = self.remove_if(&mut ring, place, may_go) {
                self.give_back(usize::from(!entry.is_empty()));
            }
        }
    }

    /// Removes the subject of a place that was taken out of a ring, else puts the place back.
    fn remove_if(
        &self,
        ring: &mut Ring,
        place: Option<Place>,
        may_go: impl FnOnce(&Entry) -> bool,
    ) -> Option<Entry> {
        let place = place?;
        let removed = self.map.remove_if(&place, |_, entry| may_go(entry));
        if removed.is_none() {
            ring.push_back(place);
        }
        Some(removed?.1)
    }
}

#[cfg(test)]
mod tests;
