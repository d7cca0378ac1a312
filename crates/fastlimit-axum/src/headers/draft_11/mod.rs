//! `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11: lists (RFC 9651)
//! with an item for each limit.

mod item;
mod names;
mod window;

use axum::http::HeaderValue;
use axum::http::header::{HeaderMap, HeaderName};

pub(crate) use names::item_names;

use super::reset::reset;
use super::seconds::rounded_up;
use crate::Charged;
use item::Item;

pub(super) static NAMES: [HeaderName; 2] = [
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("ratelimit"),
];

pub(super) fn write(charges: &[Charged], fields: &mut HeaderMap) {
    let mut policy = String::new();
    let mut limit = String::new();
    let mut names = item_names(charges).into_iter();
    for charged in charges {
        let pk = charged.partition_key();
        // The names are as many as the limits of all charges.
        for (status, name) in charged.decision().limits().iter().zip(&mut names) {
            Item::new(&mut policy, &name)
                .integer("q", status.limit().capacity().whole_requests())
                .integer("w", window::seconds(&status.limit()))
                .bytes("pk", pk);
            Item::new(&mut limit, &name)
                .integer("r", status.remaining())
                .integer("t", rounded_up(reset(status)))
                .bytes("pk", pk);
        }
    }
    for (name, list) in NAMES.iter().zip([policy, limit]) {
        // The characters of a policy's name all fit into a field.
        if let Ok(value) = HeaderValue::try_from(list) {
            let _ = fields.try_insert(name, value);
        }
    }
}
