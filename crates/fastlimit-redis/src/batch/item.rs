use std::hash::BuildHasher;

use fastlimit_core::Key;

use crate::shape::Shape;

/// Whose state an item is about.
pub(crate) trait Subject {
    fn hash(&self) -> u64;

    /// Appends the key as text.
    fn write_to(&self, buffer: &mut String);
}

/// A key that is not text yet, and its hash.
pub(crate) struct HashedKey<'a> {
    key: Key<'a>,
    hash: u64,
}

impl<'a> HashedKey<'a> {
    pub(crate) fn new(key: Key<'a>, hasher: &impl BuildHasher) -> Self {
        let hash = hasher.hash_one(key);
        Self { key, hash }
    }
}

impl Subject for HashedKey<'_> {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn write_to(&self, buffer: &mut String) {
        self.key.write_to(buffer);
    }
}

/// An item that waits for a batch.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) hash: u64,
    pub(crate) key: Box<str>,
    pub(crate) shape: Shape,
}

impl Item {
    pub(crate) fn new(subject: &impl Subject, shape: Shape) -> Self {
        let mut key = String::new();
        subject.write_to(&mut key);
        Self {
            hash: subject.hash(),
            key: key.into(),
            shape,
        }
    }
}

impl Subject for Item {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn write_to(&self, buffer: &mut String) {
        buffer.push_str(&self.key);
    }
}
