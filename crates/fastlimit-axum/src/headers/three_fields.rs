use axum::http::header::{HeaderMap, HeaderName};

use super::decimal;

/// Writes a limit, what remains of it and its reset into the fields of these names.
#[inline]
pub(super) fn write(names: [HeaderName; 3], numbers: [u64; 3], fields: &mut HeaderMap) {
    for (name, number) in names.into_iter().zip(numbers) {
        // A map that is full goes without.
        let _ = fields.try_insert(name, decimal::value(number));
    }
}
