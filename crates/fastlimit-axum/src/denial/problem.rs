//! Bodies in `application/problem+json` (RFC 9457), with the types and titles of
//! draft-ietf-httpapi-ratelimit-headers-11.

use axum::http::StatusCode;
use serde_json::json;

use super::message::{self, Message};
use crate::Charged;
use crate::headers::item_names;
use crate::key::MissingKey;

/// Names the limits that refused as `RateLimit-Policy` does.
pub(super) fn denied(charges: &[Charged], refused: &Charged, retry_after: Option<u64>) -> String {
    let detail = Message::of(refused, retry_after).to_string();
    let statuses = charges
        .iter()
        .flat_map(|charged| charged.decision().limits());
    let violated: Vec<_> = item_names(charges)
        .into_iter()
        .zip(statuses)
        .filter(|(_, status)| !status.is_allowed())
        .map(|(name, _)| name)
        .collect();
    let body = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "detail": detail,
        "violated-policies": violated,
        "retry-after": retry_after,
    });
    body.to_string()
}

pub(super) fn unavailable(retry_after: Option<u64>) -> String {
    let body = json!({
        "type": "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
        "title": "Request cannot be satisfied due to temporary server capacity constraints",
        "status": 503,
        "detail": message::UNAVAILABLE,
        // None is known to be violated.
        "violated-policies": [],
        "retry-after": retry_after,
    });
    body.to_string()
}

pub(super) fn misconfigured() -> String {
    of_status(StatusCode::INTERNAL_SERVER_ERROR, message::MISCONFIGURED)
}

pub(super) fn missing_key(missing: &MissingKey) -> String {
    of_status(StatusCode::BAD_REQUEST, &missing.to_string())
}

/// The draft has no type for these; `about:blank` says no more than the status.
fn of_status(status: StatusCode, detail: &str) -> String {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    body.to_string()
}
