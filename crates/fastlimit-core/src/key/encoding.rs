use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::hex::Hex;
use super::{DEFAULT_PART, Key};

/// Longer parts are replaced by their digest: a key has a bounded length.
const LONGEST_PART: usize = 200;

pub(super) fn write(key: &Key<'_>, buffer: &mut String) {
    let parts = [key.prefix(), key.policy(), key.tenant(), key.identifier];
    let letters: usize = parts.iter().map(|part| part.len().min(LONGEST_PART)).sum();
    // Three colons besides, and room for a letter that is encoded.
    buffer.reserve(letters.saturating_add(5));
    write_part(key.prefix(), true, buffer);
    buffer.push(':');
    write_scope(key.policy(), buffer);
    buffer.push(':');
    write_scope(key.tenant(), buffer);
    buffer.push(':');
    write_part(key.identifier, false, buffer);
}

/// Writes a part that is left empty where it is the default.
fn write_scope(part: &str, buffer: &mut String) {
    match part {
        DEFAULT_PART => {}
        // A bare `%` is encoded, so nothing else is written like this.
        "" => buffer.push_str("%_"),
        part => write_part(part, true, buffer),
    }
}

fn write_part(part: &str, encode_colon: bool, buffer: &mut String) {
    let needs_encoding =
        |byte| matches!(byte, b'%' | b'{' | b'}') || (encode_colon && byte == b':');
    if part.len() > LONGEST_PART {
        write_digest(part, buffer);
    } else if part.bytes().any(needs_encoding) {
        write_encoded(part, encode_colon, buffer);
    } else {
        buffer.push_str(part);
    }
}

#[cold]
fn write_encoded(part: &str, encode_colon: bool, buffer: &mut String) {
    for character in part.chars() {
        match character {
            '%' => buffer.push_str("%25"),
            '{' => buffer.push_str("%7B"),
            '}' => buffer.push_str("%7D"),
            ':' if encode_colon => buffer.push_str("%3A"),
            plain => buffer.push(plain),
        }
    }
}

#[cold]
fn write_digest(part: &str, buffer: &mut String) {
    let digest = Sha256::digest(part.as_bytes());
    let (half, _) = digest.split_at_checked(16).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(buffer, "%#{}", Hex(half));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(parts: [&str; 4]) -> String {
        Key::new(parts[0], parts[1], parts[2], parts[3]).to_string()
    }

    #[test]
    fn is_readable() {
        assert_eq!(
            text(["fl", "default", "default", "user:42"]),
            "fl:::user:42"
        );
        assert_eq!(text(["a:b", "p", "{t}", "%"]), "a%3Ab:p:%7Bt%7D:%25");
        assert_eq!(text(["fl", "", "", ""]), "fl:%_:%_:");
        assert_eq!(text(["", "p", "t", "é\n\0"]), ":p:t:é\n\0");
    }

    #[test]
    fn shortens_long_parts() {
        let long = "x".repeat(10_000);
        let key = text(["fl", "p", "t", &long]);
        assert_eq!(key.len(), "fl:p:t:%#".len() + 32);
        assert_ne!(key, text(["fl", "p", "t", &long[1..]]));
        assert_ne!(key, text(["fl", "p", "t", &key["fl:p:t:".len()..]]));
        let edge = "y".repeat(200);
        assert_eq!(text(["fl", "p", "t", &edge]), format!("fl:p:t:{edge}"));
        // The first half of the SHA-256 of 201 times `a`.
        let digest = Sha256::digest("a".repeat(201).as_bytes());
        assert!(text(["fl", "p", &"a".repeat(201), "i"]).contains(&format!("%#{:02x}", digest[0])));
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[:%{}a_#]{0,4}",
            Just("default".to_owned()),
            Just("%_".to_owned()),
            Just("%25".to_owned()),
            ".{0,6}",
            "[:a]{199,202}",
        ]
    }

    proptest! {
        #[test]
        fn is_injective(a in [part(), part(), part(), part()], b in [part(), part(), part(), part()]) {
            let (text_a, text_b) = (
                text([&a[0], &a[1], &a[2], &a[3]]),
                text([&b[0], &b[1], &b[2], &b[3]]),
            );
            prop_assert_eq!(text_a == text_b, a == b);
        }

        #[test]
        fn no_part_opens_a_cluster_slot(a in [part(), part(), part(), part()]) {
            let text = text([&a[0], &a[1], &a[2], &a[3]]);
            let braces = text.contains(['{', '}']);
            prop_assert!(!braces);
        }
    }
}
