use fastlimit_core::Key;

use crate::same_bytes::same_bytes;

/// Longer parts of a key are kept as the digest that stands for them in the key's text, so that
/// the store's size does not hang on what clients send.
pub(crate) const LONGEST_PART: usize = 200;

/// What fits without an allocation, so that a subject fills one cache line.
const SHORT: usize = 22;

/// An identifier as it is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identifier<'a> {
    text: &'a str,
    is_digest: bool,
}

/// An identifier as it is kept.
#[derive(Debug)]
pub(crate) enum Name {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
    Digest(Box<str>),
}

impl<'a> Identifier<'a> {
    /// The identifier of a key, unless it is long.
    #[inline(always)]
    pub(crate) fn short(key: &Key<'a>) -> Option<Self> {
        let text = key.identifier();
        (text.len() <= LONGEST_PART).then_some(Self {
            text,
            is_digest: false,
        })
    }

    /// The identifier of a key; `digest` has room for its digest if it is long.
    pub(crate) fn of(key: &Key<'a>, digest: &'a mut String) -> Self {
        Self::short(key).unwrap_or_else(|| {
            Key::new("", "", "", key.identifier()).write_to(digest);
            Self {
                text: digest,
                is_digest: true,
            }
        })
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.text.as_bytes()
    }
}

impl Name {
    pub(crate) fn new(identifier: Identifier<'_>) -> Self {
        if identifier.is_digest {
            return Self::Digest(identifier.text.into());
        }
        let mut bytes = [0; SHORT];
        match (
            bytes.get_mut(..identifier.text.len()),
            u8::try_from(identifier.text.len()),
        ) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(identifier.bytes());
                Self::Short { length, bytes }
            }
            _ => Self::Long(identifier.text.into()),
        }
    }

    #[inline(always)]
    pub(crate) fn is(&self, identifier: Identifier<'_>) -> bool {
        match self {
            Self::Short { length, bytes } => {
                !identifier.is_digest
                    && bytes
                        .get(..usize::from(*length))
                        .is_some_and(|bytes| same_bytes(bytes, identifier.bytes()))
            }
            Self::Long(text) => !identifier.is_digest && text.as_bytes() == identifier.bytes(),
            Self::Digest(text) => identifier.is_digest && text.as_bytes() == identifier.bytes(),
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Long(text) | Self::Digest(text) => text.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(text: &str, see: impl FnOnce(Identifier<'_>) -> T) -> T {
        let mut digest = String::new();
        see(Identifier::of(&Key::new("", "", "", text), &mut digest))
    }

    #[test]
    fn only_the_same_identifier_is_the_same() {
        let long = "x".repeat(201);
        let digest = with(&long, |identifier| identifier.text.to_owned());
        let texts = [
            "",
            "x",
            "\0",
            "x\0",
            &long[..21],
            &long[..22],
            &long[..23],
            &long[..200],
            &long,
            &digest,
            &"y".repeat(201),
        ];
        for (at, text) in texts.iter().enumerate() {
            let name = with(text, Name::new);
            for (other_at, other) in texts.iter().enumerate() {
                let is = with(other, |identifier| name.is(identifier));
                assert_eq!(is, at == other_at, "{text:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_is_kept_of_a_long_identifier_is_short() {
        let name = with(&"x".repeat(1_000_000), Name::new);
        assert!(name.bytes().len() < 50);
    }
}
