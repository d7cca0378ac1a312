//! Responses to gRPC, by the protocol's *Trailers-Only* form: status 200, no body, and the status
//! of the call in the header fields.
//!
//! A response with another status of HTTP reaches a gRPC client as an error without the wait.
//! gRPC-Web is answered as HTTP: a browser shows its page the fields of such a response only
//! where CORS exposes them.

use std::fmt::Display;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use axum::response::Response;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::message::{self, Message};
use crate::Charged;
use crate::key::MissingKey;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

const MEDIA_TYPE: &str = "application/grpc";

const INVALID_ARGUMENT: &str = "3";
const RESOURCE_EXHAUSTED: &str = "8";
const INTERNAL: &str = "13";
const UNAVAILABLE: &str = "14";

/// What a `grpc-message` does not hold as it is, beside what is no ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Tells whether a request is a call of gRPC: of the media type `application/grpc`, alone, with a
/// format (`+proto`) or with parameters.
pub(crate) fn is_grpc(request: &HeaderMap) -> bool {
    let Some(media_type) = request.get(CONTENT_TYPE) else {
        return false;
    };
    let media_type = media_type.as_bytes();
    let Some((start, rest)) = media_type.split_at_checked(MEDIA_TYPE.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())
        && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

pub(super) fn denied(refused: &Charged, retry_after: Option<u64>) -> Response {
    let mut response = trailers_only(RESOURCE_EXHAUSTED, Message::of(refused, retry_after));
    push_back(retry_after, &mut response);
    response
}

pub(super) fn unavailable(retry_after: Option<u64>) -> Response {
    let mut response = trailers_only(UNAVAILABLE, message::UNAVAILABLE);
    if retry_after.is_some() {
        push_back(retry_after, &mut response);
    }
    response
}

pub(super) fn misconfigured() -> Response {
    trailers_only(INTERNAL, message::MISCONFIGURED)
}

pub(super) fn missing_key(missing: &MissingKey) -> Response {
    trailers_only(INVALID_ARGUMENT, missing)
}

fn trailers_only(status: &'static str, message: impl Display) -> Response {
    let mut response = Response::new(Body::empty());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    fields.insert(STATUS, HeaderValue::from_static(status));
    let message = utf8_percent_encode(&message.to_string(), ENCODED).to_string();
    if let Ok(message) = HeaderValue::try_from(message) {
        fields.insert(MESSAGE, message);
    }
    response
}

/// Tells the client's library when to try again (gRFC A6): a signed number of 32 bits, of which a
/// negative one means never. So does a wait that the field has no room for.
fn push_back(retry_after: Option<u64>, response: &mut Response) {
    let millis = retry_after
        .and_then(|seconds| i32::try_from(seconds.checked_mul(1_000)?).ok())
        .unwrap_or(-1);
    response
        .headers_mut()
        .insert(PUSHBACK, HeaderValue::from(millis));
}

#[cfg(test)]
mod tests {
    use fastlimit_core::{Decision, Policy, Timestamp};

    use super::*;

    #[test]
    fn grpc_is_known_by_its_media_type() {
        for (media_type, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc+json", true),
            ("Application/gRPC", true),
            ("application/grpc; charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/grpc-web-text", false),
            ("application/grpcx", false),
            ("application/grp", false),
            ("application/json", false),
            ("", false),
        ] {
            let value = HeaderValue::from_static(media_type);
            let request = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
            assert_eq!(is_grpc(&request), expected, "{media_type}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn messages_are_percent_encoded() {
        for (message, expected) in [
            ("retry after 5 s; ~", "retry after 5 s; ~"),
            ("100 %\r\n", "100 %25%0D%0A"),
            ("zu früh", "zu fr%C3%BCh"),
        ] {
            let response = trailers_only(INTERNAL, message);
            assert_eq!(response.headers()[MESSAGE], expected);
        }
    }

    #[test]
    fn what_waiting_never_helps_is_not_tried_again() {
        let policy = Policy::new("users", "5/second").unwrap();
        let decision = Decision::new(Timestamp::EPOCH, Timestamp::EPOCH, []);
        let refused = Charged::new(policy, decision, None);
        for (seconds, expected) in [
            (Some(1), "1000"),
            (Some(2_147_483), "2147483000"),
            (Some(2_147_484), "-1"),
            (Some(u64::MAX), "-1"),
            (None, "-1"),
        ] {
            let response = denied(&refused, seconds);
            assert_eq!(response.headers()[PUSHBACK], expected);
        }
    }
}
