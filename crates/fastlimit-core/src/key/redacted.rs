use std::fmt;

use sha2::{Digest, Sha256};

use super::hex::Hex;

/// What errors, logs and `Debug` show of a key; from [`Key::redacted`](super::Key::redacted).
///
/// An identifier may be an API key or an address, so of it there are only its length and the first
/// 8 digits of its SHA-256: who knows the identifier can tell that it is this one
/// (`printf %s IDENTIFIER | sha256sum`). What can be guessed can be found by these digits: take a
/// [`KeyedDigest`](crate::KeyedDigest) as the identifier where that matters.
///
/// ```
/// use fastlimit::store::{Key, Redacted};
///
/// let key = Key::new("fl", "api", "default", "sk-live-42");
/// assert_eq!(key.redacted().to_string(), "fl:api::[10 bytes, SHA-256 10ff43e9]");
/// assert_eq!(format!("{key:?}"), "Key(fl:api::[10 bytes, SHA-256 10ff43e9])");
///
/// // A store that has the text alone.
/// assert_eq!(Redacted::of_text(&key.to_string()), key.redacted());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted {
    scope: String,
    identifier: String,
}

impl Redacted {
    /// Redacts the [text](super::Key#as-text) of a key. What is no such text is redacted as a whole.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let colon = text.match_indices(':').nth(2);
        let end = colon.map_or(0, |(place, _)| place.saturating_add(1));
        let (scope, identifier) = text.split_at_checked(end).unwrap_or(("", text));
        let identifier = match identifier.strip_prefix("%#") {
            Some(digest) => {
                let first = digest.get(..8).unwrap_or(digest);
                format!("[more than 200 bytes, SHA-256 {first}]")
            }
            None => RedactedIdentifier(&decoded(identifier)).to_string(),
        };
        Self {
            scope: scope.to_owned(),
            identifier,
        }
    }

    /// Returns what stands before the identifier in the key's text, up to the third colon: a server
    /// that repeats this in an error is about to repeat the identifier.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }
}

impl fmt::Display for Redacted {
    /// Writes what stands before the identifier, with control characters escaped, and what may be
    /// shown of the identifier.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.scope.escape_debug(), self.identifier)
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redacted({self})")
    }
}

/// What may be shown of an identifier.
pub(crate) struct RedactedIdentifier<'a>(pub(crate) &'a str);

impl fmt::Display for RedactedIdentifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = Sha256::digest(self.0.as_bytes());
        let (first, _) = digest.split_at_checked(4).unwrap_or_default();
        write!(f, "[{} bytes, SHA-256 {}]", self.0.len(), Hex(first))
    }
}

impl fmt::Debug for RedactedIdentifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// An identifier as it was before it was encoded.
fn decoded(identifier: &str) -> String {
    let braces = identifier.replace("%7B", "{").replace("%7D", "}");
    // The last, since each `%` of the identifier was encoded.
    braces.replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_else_of_a_long_identifier_is_shown() {
        let long = "s3cret".repeat(50);
        let key = Key::new("fl", "api", "default", &long);
        let digest = format!("{}", Hex(&Sha256::digest(long.as_bytes())[..4]));
        let expected = format!("fl:api::[more than 200 bytes, SHA-256 {digest}]");
        assert_eq!(key.redacted().to_string(), expected);
    }

    #[test]
    fn a_tenant_breaks_no_line() {
        let key = Key::new("fl", "api", "a\nb:c", "i");
        let text = key.redacted().to_string();
        assert!(text.starts_with("fl:api:a\\nb%3Ac:[1 bytes, "), "{text}");
        assert_eq!(key.redacted().scope(), "fl:api:a\nb%3Ac:");
    }

    #[test]
    fn what_is_no_key_is_redacted_as_a_whole() {
        for text in ["sk-live-42", "a:b", ""] {
            let redacted = Redacted::of_text(text);
            assert_eq!(redacted.scope(), "");
            assert_eq!(
                redacted.to_string(),
                RedactedIdentifier(text).to_string(),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_digest_is_that_of_the_identifier_itself(identifier in "[a:%{}257BD#\n]{0,12}") {
            let key = Key::new("fl", "p", "t", &identifier);
            let expected = format!("fl:p:t:{}", RedactedIdentifier(&identifier));
            prop_assert_eq!(key.redacted().to_string(), expected);
        }
    }
}
