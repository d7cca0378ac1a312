//! Whose state a request is about.

mod encoding;
mod part;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;

pub(crate) use part::Part;
use part::{Ids, hash_of_kept, hash_of_texts};

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
/// ```
/// use fastlimit_core::Key;
///
/// assert_eq!(Key::new("fl", "users", "default", "user:42").to_string(), "fl:users::user:42");
/// assert_eq!(Key::new("fl", "default", "a:b", "{x}").to_string(), "fl::a%3Ab:%7Bx%7D");
/// ```
#[derive(Clone, Copy)]
pub struct Key<'a> {
    scope: Scope<'a>,
    identifier: &'a str,
    /// The hash of the scope, so that a store hashes the identifier alone.
    scope_hash: u64,
}

/// Prefix, policy and tenant.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// Of a limiter: three words, for one is written with every request.
    Kept {
        prefix: &'a Part,
        policy: &'a Part,
        /// `default` if there is none.
        tenant: Option<&'a str>,
    },
    Texts {
        prefix: &'a str,
        policy: &'a str,
        tenant: &'a str,
        ids: Ids,
    },
}

impl<'a> Key<'a> {
    /// Creates a key. A limiter does this for you.
    ///
    /// ```
    /// use fastlimit_core::Key;
    ///
    /// let key = Key::new("fl", "users", "premium", "42");
    /// assert_eq!((key.policy(), key.tenant(), key.identifier()), ("users", "premium", "42"));
    /// ```
    #[must_use]
    pub fn new(prefix: &'a str, policy: &'a str, tenant: &'a str, identifier: &'a str) -> Self {
        Self {
            scope: Scope::Texts {
                prefix,
                policy,
                tenant,
                ids: Ids::NONE,
            },
            identifier,
            scope_hash: hash_of_texts(prefix, policy, tenant),
        }
    }

    #[inline]
    pub(crate) fn of_kept(
        prefix: &'a Part,
        policy: &'a Part,
        tenant: Option<&'a str>,
        identifier: &'a str,
    ) -> Self {
        Self {
            scope: Scope::Kept {
                prefix,
                policy,
                tenant,
            },
            identifier,
            scope_hash: hash_of_kept(prefix, policy, tenant),
        }
    }

    /// Returns the prefix, which keeps applications that share a server apart.
    ///
    /// ```
    /// # use fastlimit_core::Key;
    /// assert_eq!(Key::new("fl", "users", "premium", "42").prefix(), "fl");
    /// ```
    #[inline]
    #[must_use]
    pub const fn prefix(&self) -> &'a str {
        match self.scope {
            Scope::Kept { prefix, .. } => prefix.text(),
            Scope::Texts { prefix, .. } => prefix,
        }
    }

    /// Returns the policy's name.
    ///
    /// ```
    /// # use fastlimit_core::Key;
    /// assert_eq!(Key::new("fl", "users", "premium", "42").policy(), "users");
    /// ```
    #[inline]
    #[must_use]
    pub const fn policy(&self) -> &'a str {
        match self.scope {
            Scope::Kept { policy, .. } => policy.text(),
            Scope::Texts { policy, .. } => policy,
        }
    }

    /// Returns the tenant.
    ///
    /// ```
    /// # use fastlimit_core::Key;
    /// assert_eq!(Key::new("fl", "users", "premium", "42").tenant(), "premium");
    /// ```
    #[inline]
    #[must_use]
    pub const fn tenant(&self) -> &'a str {
        match self.scope {
            Scope::Kept { tenant: None, .. } => DEFAULT_PART,
            Scope::Kept {
                tenant: Some(tenant),
                ..
            }
            | Scope::Texts { tenant, .. } => tenant,
        }
    }

    /// Returns the identifier: a user, an address, an API key.
    ///
    /// ```
    /// # use fastlimit_core::Key;
    /// assert_eq!(Key::new("fl", "users", "premium", "42").identifier(), "42");
    /// ```
    #[inline]
    #[must_use]
    pub const fn identifier(&self) -> &'a str {
        self.identifier
    }

    /// Returns the hash of prefix, policy and tenant, for which nothing is hashed where they live
    /// longer than a request: so that a store hashes the identifier alone. It has a random seed
    /// of this process, and keys with different parts may have the same.
    ///
    /// ```
    /// # use fastlimit_core::Key;
    /// let (a, b) = (Key::new("fl", "users", "premium", "1"), Key::new("fl", "users", "premium", "2"));
    /// assert_eq!(a.scope_hash(), b.scope_hash());
    /// ```
    #[inline]
    #[must_use]
    pub const fn scope_hash(&self) -> u64 {
        self.scope_hash
    }

    /// Returns a number that belongs to this prefix and this policy's name for as long as the
    /// process lives, if they have one: keys with the same number have the same prefix and
    /// policy, so that a store need not compare the texts. Keys with different numbers may have
    /// the same texts all the same. Keys from a limiter have a number.
    ///
    /// ```
    /// # use fastlimit_core::Key;
    /// assert_eq!(Key::new("fl", "users", "premium", "1").names_id(), None);
    /// ```
    #[inline]
    #[must_use]
    pub const fn names_id(&self) -> Option<NonZeroU64> {
        self.ids().of_names()
    }

    /// Returns a number that belongs to this prefix, this policy's name and this tenant, as
    /// [`names_id`](Key::names_id) belongs to the first two. Keys from a limiter have one if they
    /// are of the tenant `default`.
    ///
    /// ```
    /// # use fastlimit_core::Key;
    /// assert_eq!(Key::new("fl", "users", "default", "1").scope_id(), None);
    /// ```
    #[inline]
    #[must_use]
    pub const fn scope_id(&self) -> Option<NonZeroU64> {
        self.ids().of_scope()
    }

    /// Tells whether a number that is some key's [`scope_id`](Key::scope_id) is this one's, in
    /// fewer steps than to ask for it.
    ///
    /// ```
    /// # use std::num::NonZeroU64;
    /// # use fastlimit_core::Key;
    /// assert!(!Key::new("fl", "users", "default", "1").has_scope_id(NonZeroU64::MIN));
    /// ```
    #[inline]
    #[must_use]
    pub const fn has_scope_id(&self, id: NonZeroU64) -> bool {
        match self.scope {
            Scope::Kept {
                prefix,
                policy,
                tenant,
            } => Ids::new(prefix, policy, tenant.is_none()).are_of_scope(id),
            Scope::Texts { ids, .. } => ids.are_of_scope(id),
        }
    }

    #[inline(always)]
    const fn ids(&self) -> Ids {
        match self.scope {
            Scope::Kept {
                prefix,
                policy,
                tenant,
            } => Ids::new(prefix, policy, tenant.is_none()),
            Scope::Texts { ids, .. } => ids,
        }
    }

    /// Appends the key's text to `buffer`, which a store may use again for the next key.
    ///
    /// ```
    /// use fastlimit_core::Key;
    ///
    /// let mut buffer = String::new();
    /// Key::new("fl", "users", "default", "42").write_to(&mut buffer);
    /// assert_eq!(buffer, "fl:users::42");
    /// ```
    pub fn write_to(&self, buffer: &mut String) {
        encoding::write(self, buffer);
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        // The identifier first: it differs most often.
        self.identifier == other.identifier
            && self.policy() == other.policy()
            && self.tenant() == other.tenant()
            && self.prefix() == other.prefix()
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    /// Hashes the identifier and the hash of the other parts, which is computed once. That
    /// hash has a random seed of this process.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.scope_hash());
        state.write(self.identifier.as_bytes());
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_to(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.to_string())
    }
}

/// A [`Key`] that owns its parts.
///
/// ```
/// use fastlimit_core::{Key, OwnedKey};
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
    scope_hash: u64,
    ids: Ids,
}

impl OwnedKey {
    /// Returns the key.
    ///
    /// ```
    /// # use fastlimit_core::{Key, OwnedKey};
    /// let owned = OwnedKey::from(Key::new("fl", "users", "premium", "42"));
    /// assert_eq!(owned.as_key().tenant(), "premium");
    /// ```
    #[must_use]
    pub fn as_key(&self) -> Key<'_> {
        let [prefix, policy, tenant] = self.ends;
        // `from` set the ends at boundaries of its parts, so nothing is ever missing here.
        let part = |range: std::ops::Range<usize>| self.parts.get(range).unwrap_or_default();
        Key {
            scope: Scope::Texts {
                prefix: part(0..prefix),
                policy: part(prefix..policy),
                tenant: part(policy..tenant),
                ids: self.ids,
            },
            identifier: part(tenant..self.parts.len()),
            scope_hash: self.scope_hash,
        }
    }
}

impl From<Key<'_>> for OwnedKey {
    fn from(key: Key<'_>) -> Self {
        let mut parts = String::with_capacity(
            [key.prefix(), key.policy(), key.tenant(), key.identifier]
                .iter()
                .fold(0_usize, |sum, part| sum.saturating_add(part.len())),
        );
        let ends = [key.prefix(), key.policy(), key.tenant()].map(|part| {
            parts.push_str(part);
            parts.len()
        });
        parts.push_str(key.identifier);
        Self {
            parts: parts.into(),
            ends,
            scope_hash: key.scope_hash(),
            ids: key.ids(),
        }
    }
}

impl fmt::Debug for OwnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_key().fmt(f)
    }
}
