use std::fmt;
use std::hash::BuildHasher;

use fastlimit_core::store::{Key, Redacted};

use crate::shape::Shape;

/// The key of an item, as text or not yet.
pub(crate) trait ItemKey {
    fn hash(&self) -> u64;

    /// Appends the key as text.
    fn write_to(&self, buffer: &mut String);
}

/// A key that is not text yet, and its hash.
pub(crate) struct HashedKey<'a> {
    key: &'a Key<'a>,
    hash: u64,
}

impl<'a> HashedKey<'a> {
    pub(crate) fn new(key: &'a Key<'a>, hasher: &impl BuildHasher) -> Self {
        let hash = hasher.hash_one(key);
        Self { key, hash }
    }
}

impl ItemKey for HashedKey<'_> {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn write_to(&self, buffer: &mut String) {
        self.key.write_to(buffer);
    }
}

/// An item that waits for a batch.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) hash: u64,
    pub(crate) key: Box<str>,
    pub(crate) shape: Shape,
}

impl Item {
    pub(crate) fn new(key: &impl ItemKey, shape: Shape) -> Self {
        let mut text = String::new();
        key.write_to(&mut text);
        Self {
            hash: key.hash(),
            key: text.into(),
            shape,
        }
    }
}

impl ItemKey for Item {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn write_to(&self, buffer: &mut String) {
        buffer.push_str(&self.key);
    }
}

impl fmt::Debug for Item {
    /// Leaves the identifier out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("key", &Redacted::of_text(&self.key))
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}
