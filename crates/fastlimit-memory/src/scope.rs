use std::num::NonZeroU64;

use fastlimit_core::Key;
use hashbrown::HashTable;

use crate::name::LONGEST_PART;
use crate::same_bytes::same_bytes;

/// Which scope of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScopeId(u32);

/// The scopes of a shard's subjects, each kept once and for as long as a subject has it.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    scopes: Vec<Option<Scope>>,
    /// The number of each scope, if it has one: with it nothing else need be compared.
    numbers: Vec<Option<NonZeroU64>>,
    free: Vec<u32>,
    by_hash: HashTable<u32>,
}

/// Prefix, policy and tenant.
#[derive(Debug)]
struct Scope {
    parts: Parts,
    hash: u64,
    /// The number of the prefix and the policy that a request brought last, if they have one:
    /// with it their texts need no comparison.
    names_id: Option<NonZeroU64>,
    subjects: u32,
}

#[derive(Debug)]
enum Parts {
    Plain {
        prefix: Box<str>,
        policy: Box<str>,
        tenant: Box<str>,
    },
    /// The text of a key of this scope, where one of the parts is long.
    Digested(Box<str>),
}

impl ScopeId {
    /// The scope that was the first to come.
    pub(crate) const FIRST: Self = Self(0);
}

impl Scopes {
    #[inline(always)]
    pub(crate) fn is(&self, id: ScopeId, key: &Key<'_>) -> bool {
        let number = usize::try_from(id.0)
            .ok()
            .and_then(|at| self.numbers.get(at));
        let is_numbered = matches!(number, Some(Some(number)) if key.has_scope_id(*number));
        is_numbered || self.has_texts_of(id, key)
    }

    /// The number of the scope that was the first to come, if it has one.
    pub(crate) fn first_number(&self) -> Option<NonZeroU64> {
        self.numbers.first().copied().flatten()
    }

    #[inline(never)]
    fn has_texts_of(&self, id: ScopeId, key: &Key<'_>) -> bool {
        self.get(id).is_some_and(|scope| scope.is(key))
    }

    pub(crate) fn hash(&self, id: ScopeId) -> u64 {
        self.get(id).map_or(0, |scope| scope.hash)
    }

    /// Counts one subject more in the scope of `key`. `None` if there are four billion scopes.
    pub(crate) fn join(&mut self, key: &Key<'_>) -> Option<ScopeId> {
        let hash = key.scope_hash();
        let found = self
            .by_hash
            .find(hash, |&id| self.is(ScopeId(id), key))
            .copied();
        if let Some(id) = found {
            let scope = self.get_mut(ScopeId(id))?;
            scope.subjects = scope.subjects.checked_add(1)?;
            return Some(ScopeId(id));
        }
        let scope = Some(Scope::new(key, hash));
        let number = key.scope_id();
        let id = match self.free.pop() {
            Some(id) => {
                *self.slot(id)? = scope;
                *self.numbers.get_mut(usize::try_from(id).ok()?)? = number;
                id
            }
            None => {
                let id = u32::try_from(self.scopes.len()).ok()?;
                self.scopes.push(scope);
                self.numbers.push(number);
                id
            }
        };
        let Self {
            by_hash, scopes, ..
        } = self;
        by_hash.insert_unique(hash, id, |&id| {
            let scope = usize::try_from(id)
                .ok()
                .and_then(|at| scopes.get(at)?.as_ref());
            scope.map_or(0, |scope| scope.hash)
        });
        Some(ScopeId(id))
    }

    /// Counts one subject less; the last one takes the scope along.
    pub(crate) fn leave(&mut self, ScopeId(id): ScopeId) {
        let Some(scope) = self.get_mut(ScopeId(id)) else {
            return;
        };
        scope.subjects = scope.subjects.saturating_sub(1);
        if scope.subjects > 0 {
            return;
        }
        let hash = scope.hash;
        if let Ok(entry) = self.by_hash.find_entry(hash, |&other| other == id) {
            entry.remove();
        }
        if let Some(slot) = self.slot(id) {
            *slot = None;
            self.free.push(id);
        }
        if let Some(number) = usize::try_from(id)
            .ok()
            .and_then(|at| self.numbers.get_mut(at))
        {
            *number = None;
        }
    }

    #[inline(always)]
    fn get(&self, ScopeId(id): ScopeId) -> Option<&Scope> {
        self.scopes.get(usize::try_from(id).ok()?)?.as_ref()
    }

    fn get_mut(&mut self, ScopeId(id): ScopeId) -> Option<&mut Scope> {
        self.slot(id)?.as_mut()
    }

    fn slot(&mut self, id: u32) -> Option<&mut Option<Scope>> {
        self.scopes.get_mut(usize::try_from(id).ok()?)
    }
}

impl Scope {
    fn new(key: &Key<'_>, hash: u64) -> Self {
        let parts = if is_long(key) {
            Parts::Digested(digested(key))
        } else {
            Parts::Plain {
                prefix: key.prefix().into(),
                policy: key.policy().into(),
                tenant: key.tenant().into(),
            }
        };
        Self {
            parts,
            hash,
            names_id: key.names_id(),
            subjects: 1,
        }
    }

    #[inline(always)]
    fn is(&self, key: &Key<'_>) -> bool {
        match &self.parts {
            Parts::Plain {
                prefix,
                policy,
                tenant,
            } => {
                let same_names = (self.names_id.is_some() && self.names_id == key.names_id())
                    || same_names([prefix, policy], [key.prefix(), key.policy()]);
                same_names && same_bytes(tenant.as_bytes(), key.tenant().as_bytes())
            }
            // The key by value: it stays in registers where nobody asks for its address.
            Parts::Digested(text) => is_digested_to(*key, text),
        }
    }
}

#[cold]
fn same_names(ours: [&str; 2], theirs: [&str; 2]) -> bool {
    ours == theirs
}

fn is_long(key: &Key<'_>) -> bool {
    [key.prefix(), key.policy(), key.tenant()]
        .iter()
        .any(|part| part.len() > LONGEST_PART)
}

#[cold]
fn is_digested_to(key: Key<'_>, text: &str) -> bool {
    is_long(&key) && *text == *digested(&key)
}

/// The text of a key of the same scope, which has no long part.
fn digested(key: &Key<'_>) -> Box<str> {
    Key::new(key.prefix(), key.policy(), key.tenant(), "")
        .to_string()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_parts_are_the_same() {
        let long = "x".repeat(201);
        let other_long = "x".repeat(202);
        let keys = [
            ["fl", "p", "t"],
            ["f", "lp", "t"],
            ["fl", "pt", ""],
            ["fl", "p", ""],
            ["", "flp", ""],
            ["fl", "p", &long],
            ["fl", "p", &other_long],
            ["fl", &long, "p"],
            [&long, "fl", "p"],
            ["fl", "p", &long[..200]],
        ]
        .map(|[prefix, policy, tenant]| Key::new(prefix, policy, tenant, "i"));
        let mut scopes = Scopes::default();
        let ids = keys.map(|key| scopes.join(&key).unwrap());
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(scopes.join(key), Some(ids[at]));
            for (other, id) in ids.iter().enumerate() {
                assert_eq!(scopes.is(*id, key), at == other, "{key:?}");
            }
        }
    }

    #[test]
    fn the_last_subject_takes_its_scope_along() {
        let mut scopes = Scopes::default();
        for tenant in 0..1_000 {
            let tenant = tenant.to_string();
            let key = Key::new("fl", "p", &tenant, "i");
            let id = scopes.join(&key).unwrap();
            assert_eq!(scopes.join(&key), Some(id));
            scopes.leave(id);
            assert!(scopes.is(id, &key));
            scopes.leave(id);
            assert!(!scopes.is(id, &key));
        }
        assert_eq!((scopes.scopes.len(), scopes.by_hash.len()), (1, 0));
    }
}
