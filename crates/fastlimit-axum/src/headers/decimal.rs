//! Integers as values of headers, for less than a formatter and an allocation each.

use axum::http::HeaderValue;

/// Returns an integer in decimal.
pub(crate) fn value(number: u64) -> HeaderValue {
    if let Some(text) = small(number) {
        return HeaderValue::from_static(text);
    }
    let mut buffer = itoa::Buffer::new();
    // From a text of just this length, a value takes one allocation; from an integer two.
    HeaderValue::from_str(buffer.format(number)).unwrap_or_else(|_| HeaderValue::from(number))
}

/// Returns a number of up to four digits as a text that stands in the program. Most limits,
/// what remains of them, and the seconds of most windows are such.
fn small(number: u64) -> Option<&'static str> {
    let digits: usize = match number {
        0..10 => 1,
        10..100 => 2,
        100..1_000 => 3,
        1_000..10_000 => 4,
        _ => return None,
    };
    let end = usize::try_from(number)
        .ok()?
        .checked_mul(4)?
        .checked_add(4)?;
    SMALL.get(end.checked_sub(digits)?..end)
}

/// `000000010002` and so on up to `9999`.
static SMALL: &str = match str::from_utf8(&SMALL_BYTES) {
    Ok(text) => text,
    Err(_) => "",
};

static SMALL_BYTES: [u8; 40_000] = small_bytes();

#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "it runs when the program is compiled"
)]
const fn small_bytes() -> [u8; 40_000] {
    let mut bytes = [b'0'; 40_000];
    let mut at = 4;
    while at < bytes.len() {
        // One more than the four digits before.
        let mut digit = 4;
        let mut carry = 1;
        while digit > 0 {
            digit -= 1;
            let sum = bytes[at + digit - 4] + carry;
            carry = if sum > b'9' { 1 } else { 0 };
            bytes[at + digit] = if sum > b'9' { b'0' } else { sum };
        }
        at += 4;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_as_others_write_them() {
        for number in (0..=10_001).chain([u64::MAX]) {
            assert_eq!(value(number), number.to_string());
        }
    }
}
