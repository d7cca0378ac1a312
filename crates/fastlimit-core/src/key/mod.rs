//! Whose state a request is about.

mod digest;
mod encoding;
mod hex;
mod keyed_digest;
mod owned;
mod part;
mod redacted;

use std::fmt;
use std::hash::{Hash, Hasher};

use digest::{Digest, Role};
pub use keyed_digest::KeyedDigest;
pub use owned::OwnedKey;
pub(crate) use part::Part;
pub use redacted::Redacted;
pub(crate) use redacted::RedactedIdentifier;

/// The policy and the tenant of a request that names none.
pub(crate) const DEFAULT_PART: &str = "default";

/// The subject of a request: a prefix, a policy, a tenant and an identifier.
///
/// Keys with different parts never share state, whatever bytes the parts hold. A store in this
/// process hashes and compares the parts; a networked store renders them as text.
///
/// # As text
///
/// `<prefix>:<policy>:<tenant>:<identifier>`, with the policy and the tenant left empty where
/// they are `default`. `%`, `{` and `}` are percent-encoded, `:` too in all parts but the last;
/// an empty policy or tenant is written `%_`, and a part of more than 200 bytes `%#` and the
/// first 128 bits of its SHA-256. So two keys have the same text only if all their parts are
/// equal, no identifier can choose its slot in a Redis Cluster, and the text stays readable.
///
/// The text is for the store alone: errors, logs and `Debug` show a key as
/// [`redacted`](Key::redacted), without its identifier.
///
/// ```
/// use fastlimit::store::Key;
///
/// assert_eq!(Key::new("fl", "users", "default", "user:42").to_string(), "fl:users::user:42");
/// assert_eq!(Key::new("fl", "default", "a:b", "{x}").to_string(), "fl::a%3Ab:%7Bx%7D");
/// ```
#[derive(Clone, Copy)]
pub struct Key<'a> {
    prefix: &'a str,
    policy: &'a str,
    tenant: &'a str,
    identifier: &'a str,
    /// Stands for prefix, policy and tenant when the key is hashed.
    scope: Digest,
}

impl<'a> Key<'a> {
    /// Creates a key. A limiter does this for you.
    ///
    /// ```
    /// use fastlimit::store::Key;
    ///
    /// let key = Key::new("fl", "users", "premium", "42");
    /// assert_eq!((key.prefix(), key.policy()), ("fl", "users"));
    /// assert_eq!((key.tenant(), key.identifier()), ("premium", "42"));
    /// ```
    #[must_use]
    pub fn new(prefix: &'a str, policy: &'a str, tenant: &'a str, identifier: &'a str) -> Self {
        Self {
            prefix,
            policy,
            tenant,
            identifier,
            scope: Digest::new(Role::Prefix, prefix)
                ^ Digest::new(Role::Policy, policy)
                ^ Digest::new(Role::Tenant, tenant),
        }
    }

    /// The key of a request to a limiter; the tenant is `default` if there is none.
    #[inline]
    pub(crate) fn of_kept(
        prefix: &'a Part,
        policy: &'a Part,
        tenant: Option<&'a str>,
        identifier: &'a str,
    ) -> Self {
        let of_tenant = match tenant {
            Some(tenant) => Digest::new(Role::Tenant, tenant),
            None => Digest::of_default_tenant(),
        };
        Self {
            prefix: prefix.text(),
            policy: policy.text(),
            tenant: tenant.unwrap_or(DEFAULT_PART),
            identifier,
            scope: prefix.digest() ^ policy.digest() ^ of_tenant,
        }
    }

    /// Returns the prefix, which keeps applications that share a server apart.
    #[inline]
    #[must_use]
    pub const fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// Returns the policy's name.
    #[inline]
    #[must_use]
    pub const fn policy(&self) -> &'a str {
        self.policy
    }

    /// Returns the tenant.
    #[inline]
    #[must_use]
    pub const fn tenant(&self) -> &'a str {
        self.tenant
    }

    /// Returns the identifier: a user, an address, an API key.
    #[inline]
    #[must_use]
    pub const fn identifier(&self) -> &'a str {
        self.identifier
    }

    /// Appends the key's text to `buffer`, which a store may use again for the next key.
    ///
    /// ```
    /// use fastlimit::store::Key;
    ///
    /// let mut buffer = String::new();
    /// Key::new("fl", "users", "default", "42").write_to(&mut buffer);
    /// assert_eq!(buffer, "fl:users::42");
    /// ```
    pub fn write_to(&self, buffer: &mut String) {
        encoding::write(self, buffer);
    }

    /// Returns what may be shown of the key: all but the identifier, which may be a secret.
    #[must_use]
    pub fn redacted(&self) -> Redacted {
        Redacted::of_text(&self.to_string())
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        // The identifier first: it differs most often.
        self.identifier == other.identifier
            && self.policy == other.policy
            && self.tenant == other.tenant
            && self.prefix == other.prefix
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    /// Hashes the identifier, and 128 bits in place of the other parts, which are computed once
    /// for a limiter and a policy. They are random ones of this process: nobody outside can make
    /// keys collide whatever the hasher, and the hash is another one in every process.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scope.write_to(state);
        state.write(self.identifier.as_bytes());
    }
}

impl fmt::Display for Key<'_> {
    /// Writes the whole text, with the identifier.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_to(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Key<'_> {
    /// Leaves the identifier out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn equal_keys_hash_alike_however_they_were_made() {
        let (prefix, policy) = (Part::prefix("fl"), Part::policy("users"));
        let mut keys = HashSet::new();
        for tenant in ["default", "premium"] {
            keys.insert(OwnedKey::from(Key::new("fl", "users", tenant, "42")));
        }
        for tenant in [None, Some("default"), Some("premium")] {
            let key = Key::of_kept(&prefix, &policy, tenant, "42");
            assert!(keys.contains(&OwnedKey::from(key)), "{key:?}");
        }
        let keys: HashSet<Key<'_>> = keys.iter().map(OwnedKey::as_key).collect();
        assert!(keys.contains(&Key::new("fl", "users", "default", "42")));
        assert!(!keys.contains(&Key::new("fl", "users", "default", "43")));
    }

    #[test]
    fn keys_whose_parts_change_places_hash_apart() {
        let hasher = std::hash::RandomState::new();
        let parts = ["a", "b", "ab", ""];
        let mut hashes = HashSet::new();
        for prefix in parts {
            for policy in parts {
                for tenant in parts {
                    for identifier in parts {
                        let key = Key::new(prefix, policy, tenant, identifier);
                        hashes.insert(std::hash::BuildHasher::hash_one(&hasher, key));
                    }
                }
            }
        }
        assert_eq!(hashes.len(), 256);
    }
}
