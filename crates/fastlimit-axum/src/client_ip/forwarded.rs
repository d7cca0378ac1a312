//! The header `Forwarded`, RFC 7239.

use std::borrow::Cow;
use std::iter;
use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;

use super::node;

/// The senders of `Forwarded`, the nearest first; `None` for an element that is malformed, hides
/// its sender or does not name it.
pub(super) fn senders(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(FORWARDED).iter().rev();
    lines
        .flat_map(|line| elements_from_right(line.as_bytes()))
        .map(sender)
}

/// Splits a line at the commas outside of quotes, from the right.
///
/// Read from the left, a quote that a client leaves open would swallow what proxies add. From
/// the right, nothing that stands further left changes what an element is.
fn elements_from_right(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    iter::from_fn(move || {
        let line = rest?;
        let (before, element) = match last_comma(line) {
            Some(comma) => (line.get(..comma), line.get(comma.saturating_add(1)..)?),
            None => (None, line),
        };
        rest = before;
        Some(element)
    })
}

fn last_comma(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b',' if !quoted => return Some(at),
            // It begins the quoted text, unless it is escaped within.
            b'"' if quoted => quoted = is_escaped(line.get(..at)?),
            b'"' => quoted = true,
            _ => {}
        }
    }
    None
}

/// Tells whether what follows `before` is escaped, within quotes: backslashes escape each other.
fn is_escaped(before: &[u8]) -> bool {
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() & 1 == 1
}

/// Returns the address in the parameter `for` of an element, `name=value;name="value"`.
fn sender(element: &[u8]) -> Option<IpAddr> {
    let mut sender = None;
    let mut rest = element.trim_ascii();
    loop {
        if !matches!(rest.first(), None | Some(b';')) {
            let (name, after) = token(rest)?;
            let (value, after) = value(after.strip_prefix(b"=")?)?;
            // A parameter comes once, or nobody knows which is meant.
            if name.eq_ignore_ascii_case(b"for") && sender.replace(value).is_some() {
                return None;
            }
            rest = after.trim_ascii_start();
        }
        match rest.split_first() {
            None => break,
            Some((b';', after)) => rest = after.trim_ascii_start(),
            Some(_) => return None,
        }
    }
    node::parse(str::from_utf8(&sender?).ok()?)
}

/// Reads a token or a text in quotes, and what follows.
fn value(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    match text.strip_prefix(b"\"") {
        Some(quoted) => unquote(quoted).map(|(value, rest)| (value.into(), rest)),
        None => token(text).map(|(value, rest)| (value.into(), rest)),
    }
}

/// Reads a token of RFC 9110, section 5.6.2.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = text.iter().position(|byte| !is_of_token(byte));
    let (token, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    (!token.is_empty()).then_some((token, rest))
}

/// Reads up to the quote that ends a text, and what follows that.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut bytes = text.iter();
    loop {
        match bytes.next()? {
            b'"' => return Some((value, bytes.as_slice())),
            b'\\' => value.push(*bytes.next()?),
            byte => value.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_7(element: &str) -> bool {
        match sender(element.as_bytes()) {
            None => false,
            Some(address) => {
                assert_eq!(address, IpAddr::from([192, 0, 2, 7]), "{element}");
                true
            }
        }
    }

    #[test]
    fn the_sender_is_in_for() {
        for element in [
            "for=192.0.2.7",
            " FOR=192.0.2.7\t",
            "For=\"192.0.2.7\"",
            r#"for="1\9\2.0.2.7""#,
            "for=\"192.0.2.7:4711\"",
            "by=203.0.113.1;for=192.0.2.7;proto=http;host=example.org",
            "proto=http;host=\"a;for=1.2.3.4,\\\"b\\\\\";for=192.0.2.7",
            ";;for=192.0.2.7;",
            "for=192.0.2.7; proto=https ; by=_x",
            "x=\"\";for=192.0.2.7",
            "host=\"Gr\u{fc}n\";for=192.0.2.7",
        ] {
            assert!(is_7(element), "{element}");
        }
    }

    #[test]
    fn a_malformed_element_has_no_sender() {
        for element in [
            "",
            ";",
            "for",
            "for=",
            "for=;",
            "for =192.0.2.7",
            "for= 192.0.2.7",
            "=192.0.2.7",
            "192.0.2.7",
            "by=192.0.2.7",
            "for=192.0.2.7;for=192.0.2.7",
            "for=192.0.2.7;by",
            "for=192.0.2.7 by=x",
            "for=192.0.2.7:4711",
            "for=\"192.0.2.7",
            "for=192.0.2.7\"",
            "for=\"192.0.2.7\"x",
            "for=\"192.0.2.7\\\"",
            "for=192.0.2.7;host=\"",
            "for=\"192.0.2.7, 192.0.2.8\"",
            "for=unknown",
            "for=_hidden",
            "for=\"2001:db8::7\"",
            "for=2001:db8::7",
            "for=\" 192.0.2.7\"",
        ] {
            assert!(!is_7(element), "{element}");
        }
    }

    #[test]
    fn nothing_further_left_changes_an_element() {
        let lefts = [
            "",
            "for=1.2.3.4",
            "\"",
            "a=\"",
            "a=\"\\",
            "a=\"\\\"",
            "\\",
            "a=\",\"\"",
            "\"\"\"",
        ];
        let rights = [
            "for=192.0.2.7",
            "for=\"[2001:db8::7]:80\"",
            r#"host="a,\"b\\";for=x"#,
            r#"host="\\\"";for=x"#,
            "host=\"\";proto=\",\"",
        ];
        for left in lefts {
            for right in rights {
                let line = format!("{left},{right}");
                let elements: Vec<_> = elements_from_right(line.as_bytes()).collect();
                assert_eq!(elements.first(), Some(&right.as_bytes()), "{line}");
            }
        }
        let all: Vec<_> = elements_from_right(b"a, b=\",\" ,,c").collect();
        assert_eq!(all, [&b"c"[..], b"", b" b=\",\" ", b"a"]);
    }
}
