use fastlimit_core::Entry;

use crate::name::Name;
use crate::scope::ScopeId;

/// Slots of one allocation: so many that few shards have more than the first, so few that the last
/// one wastes little.
const CHUNK: usize = 1_024;

/// A subject and its state: one cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Subject {
    pub(crate) name: Name,
    pub(crate) entry: Entry,
    pub(crate) scope: ScopeId,
}

#[derive(Debug)]
enum Slot {
    Held(Subject),
    Free { next: Option<u32> },
}

/// The subjects of a shard, each in a slot that it keeps: in chunks, so that what is there is
/// never copied to grow.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Slab {
    /// Grows until it is a chunk. Here and not with the others, so that it is one read nearer.
    first: Vec<Slot>,
    /// All are full but the last one.
    others: Vec<Vec<Slot>>,
    /// The first of the free slots, each of which names the next.
    free: Option<u32>,
}

impl Slab {
    /// How many slots there are, free ones too.
    pub(crate) fn len(&self) -> u32 {
        let slots = match self.others.split_last() {
            Some((last, full)) => full
                .len()
                .saturating_add(1)
                .saturating_mul(CHUNK)
                .saturating_add(last.len()),
            None => self.first.len(),
        };
        u32::try_from(slots).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, at: u32) -> Option<&Subject> {
        let at = usize::try_from(at).ok()?;
        let slot = match at.checked_sub(CHUNK) {
            None => self.first.get(at)?,
            Some(at) => self.others.get(at / CHUNK)?.get(at % CHUNK)?,
        };
        match slot {
            Slot::Held(subject) => Some(subject),
            Slot::Free { .. } => None,
        }
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut Subject> {
        match self.slot(at)? {
            Slot::Held(subject) => Some(subject),
            Slot::Free { .. } => None,
        }
    }

    /// Keeps a subject; `None` if there are four billion.
    pub(crate) fn insert(&mut self, subject: Subject) -> Option<u32> {
        let Some(at) = self.free else {
            return self.push(subject);
        };
        let slot = self.slot(at)?;
        if let Slot::Free { next } = *slot {
            *slot = Slot::Held(subject);
            self.free = next;
        }
        Some(at)
    }

    pub(crate) fn remove(&mut self, at: u32) -> Option<Subject> {
        let next = self.free;
        let slot = self.slot(at)?;
        if matches!(slot, Slot::Free { .. }) {
            return None;
        }
        let Slot::Held(subject) = std::mem::replace(slot, Slot::Free { next }) else {
            return None;
        };
        self.free = Some(at);
        Some(subject)
    }

    fn push(&mut self, subject: Subject) -> Option<u32> {
        let at = self.len();
        if at == u32::MAX {
            return None;
        }
        let last = match self.others.last_mut() {
            Some(last) => last,
            None => &mut self.first,
        };
        if last.len() < CHUNK {
            last.push(Slot::Held(subject));
            return Some(at);
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        chunk.push(Slot::Held(subject));
        self.others.push(chunk);
        Some(at)
    }

    #[inline(always)]
    fn slot(&mut self, at: u32) -> Option<&mut Slot> {
        let at = usize::try_from(at).ok()?;
        match at.checked_sub(CHUNK) {
            None => self.first.get_mut(at),
            Some(at) => self.others.get_mut(at / CHUNK)?.get_mut(at % CHUNK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Identifier;
    use crate::scope::Scopes;
    use fastlimit_core::Key;

    #[test]
    fn a_slot_is_a_cache_line() {
        assert_eq!(size_of::<Slot>(), 64);
        assert_eq!(align_of::<Slot>(), 64);
    }

    #[test]
    fn slots_are_used_again() {
        let mut scopes = Scopes::default();
        let key = Key::new("fl", "p", "t", "i");
        let scope = scopes.join(&key).unwrap();
        let subject = |identifier: u32| {
            let text = identifier.to_string();
            let mut digest = String::new();
            let key = Key::new("fl", "p", "t", &text);
            Subject {
                name: Name::new(Identifier::of(&key, &mut digest)),
                entry: Entry::new(),
                scope,
            }
        };
        let mut slab = Slab::default();
        for at in 0..5_000 {
            assert_eq!(slab.insert(subject(at)), Some(at));
        }
        for at in (0..5_000).step_by(3) {
            let removed = slab.remove(at).unwrap();
            assert_eq!(removed.name.bytes(), at.to_string().as_bytes());
            assert!(slab.remove(at).is_none() && slab.get(at).is_none());
        }
        for at in 0..1_667 {
            let at = slab.insert(subject(at)).unwrap();
            assert!(at < 5_000 && at.is_multiple_of(3));
        }
        assert_eq!(slab.insert(subject(0)), Some(5_000));
        assert_eq!(slab.len(), 5_001);
    }
}
