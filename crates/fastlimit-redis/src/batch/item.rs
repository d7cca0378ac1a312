use std::hash::BuildHasher;

use fastlimit_core::store::Key;

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

/// A key that is text, and its hash.
pub(crate) struct TextKey<'a> {
    pub(crate) text: &'a str,
    pub(crate) hash: u64,
}

impl ItemKey for TextKey<'_> {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn write_to(&self, buffer: &mut String) {
        buffer.push_str(self.text);
    }
}
