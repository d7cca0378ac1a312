//! `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, in seconds from now.

use axum::http::header::{HeaderMap, HeaderName};

use super::seconds::rounded_up;
use super::shown::Shown;
use super::three_fields;
use crate::Charged;

pub(super) static NAMES: [HeaderName; 3] = FIELDS;

/// A constant costs nothing to make a name of, where that of a static is cloned.
pub(super) const FIELDS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];

#[inline]
pub(super) fn write(charges: &[Charged], fields: &mut HeaderMap) {
    if let Some(shown) = Shown::of(charges) {
        let reset = rounded_up(shown.reset);
        three_fields::write(FIELDS, [shown.limit, shown.remaining, reset], fields);
    }
}
