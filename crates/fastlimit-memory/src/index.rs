/// Where in a slab the subjects of a shard are, by the hashes of their keys.
///
/// A table with open addressing whose entries are one word of four bytes each: the number of a
/// slot, and as much of the hash as there is room for. So a look-up reads one word and then the
/// subject, and hardly ever another subject; a map of bytes beside its entries, as hashbrown's,
/// takes one cache line and twice the memory more.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// None, or a power of two, of which at least half are empty.
    words: Box<[Word]>,
}

/// The slot's number plus one in the low bits, as many as it takes to number the words; above
/// them the bits that the hash has at these places of its upper half. 0 if the word is empty.
type Word = u32;

const EMPTY: Word = 0;

/// The fewest words.
const FEWEST: usize = 8;

/// A hash as the index uses it.
#[derive(Clone, Copy)]
struct Hash {
    /// Where a walk along the words begins.
    low: usize,
    /// What tells words apart on the way.
    high: u32,
}

impl Index {
    /// The slots in which a subject of this hash may be: that it is there, nearly always.
    #[inline(always)]
    pub(crate) fn candidates(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let Hash { low, high } = Hash::new(hash);
        let mask = self.mask();
        let (of_slot, mut at) = (low_bits(mask), low & mask);
        std::iter::from_fn(move || {
            loop {
                let word = self.words.get(at).copied().unwrap_or(EMPTY);
                if word == EMPTY {
                    return None;
                }
                at = at.wrapping_add(1) & mask;
                if (word ^ high) & !of_slot == 0 {
                    return Some((word & of_slot).wrapping_sub(1));
                }
            }
        })
    }

    /// Adds a slot. `hash_of` gives the hash of a slot's subject. All slots with lower numbers
    /// are or were held, so that the number tells how many words there must be.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let most = self.words.len() / 2;
        if usize::try_from(slot).is_ok_and(|slot| slot >= most) {
            self.grow(hash_of);
        }
        self.put(hash, slot);
    }

    /// Removes a slot, if it is held under this hash.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let mask = self.mask();
        let of_slot = low_bits(mask);
        let mut at = Hash::new(hash).low & mask;
        loop {
            match self.words.get(at) {
                None | Some(&EMPTY) => return,
                Some(&word) if word & of_slot == slot.wrapping_add(1) => break,
                Some(_) => at = at.wrapping_add(1) & mask,
            }
        }
        // Those behind it move up, unless they would come to stand before where their walks begin.
        let mut gap = at;
        loop {
            at = at.wrapping_add(1) & mask;
            let word = self.words.get(at).copied().unwrap_or(EMPTY);
            if word == EMPTY {
                break;
            }
            let home = Hash::new(hash_of((word & of_slot).wrapping_sub(1))).low & mask;
            let (walked, to_gap) = (at.wrapping_sub(home) & mask, at.wrapping_sub(gap) & mask);
            if walked >= to_gap {
                self.set(gap, word);
                gap = at;
            }
        }
        self.set(gap, EMPTY);
    }

    #[cold]
    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let of_slot = low_bits(self.mask());
        let length = self.words.len().saturating_mul(2).max(FEWEST);
        let old = std::mem::replace(&mut self.words, vec![EMPTY; length].into());
        for word in old {
            if word != EMPTY {
                let slot = (word & of_slot).wrapping_sub(1);
                self.put(hash_of(slot), slot);
            }
        }
    }

    /// Writes a slot into the first word that is empty.
    fn put(&mut self, hash: u64, slot: u32) {
        let Hash { low, high } = Hash::new(hash);
        let mask = self.mask();
        let of_slot = low_bits(mask);
        let mut at = low & mask;
        while self.words.get(at).is_some_and(|&word| word != EMPTY) {
            at = at.wrapping_add(1) & mask;
        }
        self.set(at, (high & !of_slot) | slot.wrapping_add(1));
    }

    fn set(&mut self, at: usize, word: Word) {
        if let Some(place) = self.words.get_mut(at) {
            *place = word;
        }
    }

    #[inline(always)]
    fn mask(&self) -> usize {
        self.words.len().wrapping_sub(1)
    }
}

impl Hash {
    #[inline(always)]
    fn new(hash: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
        Self {
            low: usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0),
            high: u32::from_le_bytes([e, f, g, h]),
        }
    }
}

/// The part of a mask that words have room for.
#[inline(always)]
fn low_bits(mask: usize) -> u32 {
    let [a, b, c, d, ..] = mask.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// What an index of these slots and hashes must find.
    fn check(index: &Index, hashes: &HashMap<u32, u64>) {
        for (&slot, &hash) in hashes {
            let found = index.candidates(hash).filter(|&found| found == slot);
            assert_eq!(found.count(), 1, "{slot}");
        }
        let words = index.words.iter().filter(|&&word| word != EMPTY);
        assert_eq!(words.count(), hashes.len());
    }

    fn run(steps: usize, slots: u32, mut hash: impl FnMut(&mut fastrand::Rng) -> u64) {
        let mut random = fastrand::Rng::with_seed(7);
        let mut index = Index::default();
        let mut hashes = HashMap::new();
        // As a slab does: what is free is used again.
        let mut free: Vec<u32> = (0..slots).rev().collect();
        for step in 0..steps {
            let grows = hashes.len() < slots as usize / 2 || random.bool();
            match free.pop() {
                Some(slot) if grows => {
                    let hash = hash(&mut random);
                    index.insert(hash, slot, |slot| hashes[&slot]);
                    hashes.insert(slot, hash);
                }
                popped => {
                    free.extend(popped);
                    let Some(&slot) = random.choice(&hashes.keys().copied().collect::<Vec<_>>())
                    else {
                        continue;
                    };
                    index.remove(hashes[&slot], slot, |slot| hashes[&slot]);
                    hashes.remove(&slot);
                    free.push(slot);
                }
            }
            if step % 16 == 0 {
                check(&index, &hashes);
            }
        }
        check(&index, &hashes);
        for (slot, hash) in hashes.clone() {
            index.remove(hash, slot, |slot| hashes[&slot]);
            hashes.remove(&slot);
        }
        check(&index, &hashes);
    }

    #[test]
    fn it_finds_what_it_holds() {
        run(4_000, 600, |random| random.u64(..));
    }

    #[test]
    fn walks_may_meet_and_go_round_the_end() {
        // Few places to begin with, the last ones among them.
        run(2_000, 100, |random| random.u64(..4) * 0x7FFF_FFFF);
        run(500, 60, |_| u64::MAX);
    }

    #[test]
    fn an_empty_one_finds_nothing() {
        let mut index = Index::default();
        assert_eq!(index.candidates(7).count(), 0);
        index.remove(7, 0, |_| 0);
        assert!(index.words.is_empty());
    }

    #[test]
    fn other_hashes_are_seldom_candidates() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut index = Index::default();
        let hashes: Vec<u64> = (0..1_000).map(|_| random.u64(..)).collect();
        for (&hash, slot) in hashes.iter().zip(0..) {
            index.insert(hash, slot, |slot| hashes[slot as usize]);
        }
        let others = (0..10_000).map(|_| index.candidates(random.u64(..)).count());
        assert!(others.sum::<usize>() < 10);
    }
}
