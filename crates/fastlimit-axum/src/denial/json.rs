//! Bodies in JSON.
//!
//! That of a denial is put together by hand, into one text: a flood of denials is what all this is
//! here for.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use super::message::{self, Message};
use crate::Charged;
use crate::key::MissingKey;

/// Takes nearly every body, which then never grows.
const ROOM: usize = 224;

/// Says which limit refused, and when to come back.
pub(super) fn denied(refused: &Charged, retry_after: Option<u64>) -> String {
    let message = Message::of(refused, retry_after);
    let mut body = String::with_capacity(ROOM);
    body.push_str("{\"error\":\"rate_limit_exceeded\",\"message\":\"");
    write_escaped(&mut body, message);
    body.push_str("\",\"retry_after\":");
    match retry_after {
        Some(seconds) => body.push_str(itoa::Buffer::new().format(seconds)),
        None => body.push_str("null"),
    }
    body.push_str(",\"limit\":\"");
    write_escaped(&mut body, message.limit());
    body.push_str("\",\"policy\":\"");
    write_escaped(&mut body, message.policy());
    body.push_str("\"}");
    body
}

pub(super) fn unavailable() -> String {
    let body = json!({
        "error": "rate_limiter_unavailable",
        "message": message::UNAVAILABLE,
    });
    body.to_string()
}

pub(super) fn misconfigured() -> String {
    let body = json!({
        "error": "rate_limiter_misconfigured",
        "message": message::MISCONFIGURED,
    });
    body.to_string()
}

pub(super) fn missing_key(missing: &MissingKey) -> String {
    let body = json!({
        "error": "rate_limit_key_missing",
        "message": missing.to_string(),
    });
    body.to_string()
}

/// Writes what stands between the quotes of a string.
fn write_escaped(body: &mut String, text: impl fmt::Display) {
    let start = body.len();
    // A `String` refuses nothing.
    let _ = write!(body, "{text}");
    let written = body.get(start..).unwrap_or_default();
    // All are looked at, not only those up to the first: many at once.
    if written
        .bytes()
        .fold(true, |all, byte| all & stands_for_itself(byte))
    {
        return;
    }
    let quoted = Value::from(written).to_string();
    let escaped = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    body.truncate(start);
    body.push_str(escaped.unwrap_or_default());
}

fn stands_for_itself(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_reads_as_it_was() {
        for text in [
            "",
            "100/minute burst 5 token-bucket",
            "\"",
            "a\"b\\c\\\\\"\"",
            "\0\t\n\r\x1f\x7f",
            "Grüße, 限制, 🦀\"",
        ] {
            let mut body = String::from("\"");
            write_escaped(&mut body, text);
            body.push('"');
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), text);
        }
    }
}
