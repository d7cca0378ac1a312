use fastlimit_core::Key;

/// Longer parts are kept as the digest that stands for them in the key's text, so that the
/// store's size does not hang on what clients send.
const LONGEST_PART: usize = 200;

/// A key as the table keeps it: its hash, and its parts in one allocation.
///
/// The table looks subjects up by [`Subject::is`], with the key borrowed; that a subject hashes
/// and compares is what the map asks of its keys.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    hash: u64,
    parts: Parts,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Parts {
    /// Prefix, policy, tenant and identifier, and where the first three end.
    Plain { text: Box<str>, ends: [u8; 3] },
    /// The key's text, where a part or all of them are long.
    Digested(Box<str>),
}

impl Subject {
    pub(crate) fn new(key: &Key<'_>, hash: u64) -> Self {
        let parts = match ends(key) {
            Some(ends) => Parts::Plain {
                text: [key.prefix(), key.policy(), key.tenant(), key.identifier()]
                    .concat()
                    .into(),
                ends,
            },
            None => Parts::Digested(key.to_string().into()),
        };
        Self { hash, parts }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn is(&self, key: &Key<'_>, hash: u64) -> bool {
        self.hash == hash
            && match &self.parts {
                Parts::Plain { text, ends } => {
                    let [prefix, policy, tenant] = ends.map(usize::from);
                    text.get(tenant..) == Some(key.identifier())
                        && text.get(policy..tenant) == Some(key.tenant())
                        && text.get(prefix..policy) == Some(key.policy())
                        && text.get(..prefix) == Some(key.prefix())
                }
                Parts::Digested(text) => ends(key).is_none() && **text == *key.to_string(),
            }
    }
}

/// Where prefix, policy and tenant end; `None` if a part or all of them are long.
fn ends(key: &Key<'_>) -> Option<[u8; 3]> {
    if key.identifier().len() > LONGEST_PART {
        return None;
    }
    let prefix = key.prefix().len();
    let policy = prefix.checked_add(key.policy().len())?;
    let tenant = policy.checked_add(key.tenant().len())?;
    Some([
        prefix.try_into().ok()?,
        policy.try_into().ok()?,
        tenant.try_into().ok()?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_parts_are_the_same() {
        let long = "x".repeat(300);
        let keys = [
            ["fl", "p", "t", "i"],
            ["f", "lp", "t", "i"],
            ["fl", "pt", "", "i"],
            ["fl", "p", "", "ti"],
            ["fl", "p", "t", &long],
            ["fl", "p", "t", &long[1..]],
            ["fl", "p", &long, "i"],
            [&long, "p", "t", "i"],
        ]
        .map(|[a, b, c, d]| Key::new(a, b, c, d));
        for (at, key) in keys.iter().enumerate() {
            let subject = Subject::new(key, 7);
            for (other_at, other) in keys.iter().enumerate() {
                assert_eq!(subject.is(other, 7), at == other_at, "{key:?} {other:?}");
            }
            assert!(!subject.is(key, 8));
        }
    }

    #[test]
    fn what_is_kept_of_a_long_key_is_short() {
        let long = "x".repeat(1_000_000);
        let subject = Subject::new(&Key::new(&long, &long, &long, &long), 0);
        let Parts::Digested(text) = subject.parts else {
            panic!("expected the digests");
        };
        assert!(text.len() < 150);
    }
}
