//! `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` of
//! draft-ietf-httpapi-ratelimit-headers-03. `RateLimit-Limit` is the limit alone, since the
//! policies that may follow it there hinder clients which read a number.

use axum::http::header::{HeaderMap, HeaderName};

use super::seconds::rounded_up;
use super::shown::Shown;
use super::three_fields;
use crate::Charged;

pub(super) static NAMES: [HeaderName; 3] = FIELDS;

const FIELDS: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

pub(super) fn write(charges: &[Charged], fields: &mut HeaderMap) {
    if let Some(shown) = Shown::of(charges) {
        let reset = rounded_up(shown.reset);
        three_fields::write(FIELDS, [shown.limit, shown.remaining, reset], fields);
    }
}
