//! A subject is known by a fingerprint of its key, and the key is not kept.

use std::borrow::Borrow;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use fastlimit_core::store::Key;
use siphasher::sip128::{Hasher128, SipHasher13};

/// Makes fingerprints under a secret of its own, so that nobody outside can aim at a subject
/// that shares another one's.
pub(crate) struct Fingerprints {
    secret: (u64, u64),
}

/// 128 bits that stand for a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) place: Place,
    rest: u64,
}

/// The half of a fingerprint that says where in the map it is.
///
/// A subject can be looked up by it alone, so it takes its turn in half of the memory that a
/// fingerprint takes. Should two subjects have the same place, which a billion of them may, that
/// finds either: whoever looks up by a place must be content with that.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place(u64);

impl Fingerprints {
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        Self {
            secret: (random.hash_one(0), random.hash_one(1)),
        }
    }

    #[inline]
    pub(crate) fn of(&self, key: &Key<'_>) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        key.hash(&mut hasher);
        let (place, rest) = hasher.finish128().as_u64();
        Fingerprint {
            place: Place(place),
            rest,
        }
    }
}

impl Hash for Fingerprint {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

impl Borrow<Place> for Fingerprint {
    #[inline]
    fn borrow(&self) -> &Place {
        &self.place
    }
}

/// Makes the hasher of the map, which takes a place as it is: it is a hash already.
pub(crate) type BuildPlaceHasher = BuildHasherDefault<PlaceHasher>;

#[derive(Default)]
pub(crate) struct PlaceHasher(u64);

impl Hasher for PlaceHasher {
    #[inline]
    fn write(&mut self, place: &[u8]) {
        if let Some(&place) = place.first_chunk() {
            self.0 = u64::from_ne_bytes(place);
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
