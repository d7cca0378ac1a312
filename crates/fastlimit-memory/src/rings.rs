use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fingerprint::Place;

/// The places of all subjects, in the order in which they are looked at again: in several rings,
/// so that few threads meet in one. A place may stand in any ring.
pub(crate) struct Rings(Box<[Mutex<Ring>]>);

pub(crate) type Ring = VecDeque<Place>;

impl Rings {
    /// Creates so many rings, at least one.
    pub(crate) fn new(rings: usize) -> Self {
        Self((0..rings.max(1)).map(|_| Mutex::default()).collect())
    }

    /// Locks a ring, any of them.
    pub(crate) fn lock_any(&self) -> MutexGuard<'_, Ring> {
        lock(&self.0[fastrand::usize(..self.0.len())])
    }

    /// Locks one ring after the other, the first of them any.
    pub(crate) fn lock_each(&self) -> impl Iterator<Item = MutexGuard<'_, Ring>> {
        let (before, from) = self.0.split_at(fastrand::usize(..self.0.len()));
        from.iter().chain(before).map(lock)
    }
}

/// A ring is whole at any time, so a lock that is poisoned guards nothing broken.
fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}
