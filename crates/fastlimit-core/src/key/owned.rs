use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::Key;
use super::digest::Digest;

/// A [`Key`] that owns its parts. It compares and hashes as the key does.
///
/// ```
/// use fastlimit::store::{Key, OwnedKey};
///
/// let key = Key::new("fl", "users", "default", "42");
/// assert_eq!(OwnedKey::from(key).as_key(), key);
/// ```
#[derive(Clone)]
pub struct OwnedKey {
    /// The parts, one behind the other.
    parts: Box<str>,
    /// Where the first three end.
    ends: [usize; 3],
    scope: Digest,
}

impl OwnedKey {
    /// Returns the key.
    #[must_use]
    pub fn as_key(&self) -> Key<'_> {
        let [prefix, policy, tenant] = self.ends;
        // `from` set the ends at boundaries of its parts, so nothing is ever missing here.
        let part = |range: Range<usize>| self.parts.get(range).unwrap_or_default();
        Key {
            prefix: part(0..prefix),
            policy: part(prefix..policy),
            tenant: part(policy..tenant),
            identifier: part(tenant..self.parts.len()),
            scope: self.scope,
        }
    }
}

impl From<Key<'_>> for OwnedKey {
    fn from(key: Key<'_>) -> Self {
        let mut parts = String::new();
        let ends = [key.prefix, key.policy, key.tenant].map(|part| {
            parts.push_str(part);
            parts.len()
        });
        parts.push_str(key.identifier);
        Self {
            parts: parts.into(),
            ends,
            scope: key.scope,
        }
    }
}

impl PartialEq for OwnedKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_key() == other.as_key()
    }
}

impl Eq for OwnedKey {}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_key().hash(state);
    }
}

impl fmt::Debug for OwnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_key().fmt(f)
    }
}
