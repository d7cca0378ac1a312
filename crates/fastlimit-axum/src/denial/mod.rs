//! The responses to requests that are refused.

mod body;
mod grpc;
mod json;
mod message;
mod problem;
mod retry_after;
#[cfg(test)]
mod tests;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;

pub use body::DenialBody;
use grpc::is_grpc;
pub(crate) use message::Message;
pub(crate) use retry_after::{jittered_seconds, retry_after, set_retry_after};

use crate::Charged;
use crate::key::MissingKey;

/// The form in which a client is told that its request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// To a client of HTTP, by status and body.
    Http(DenialBody),
    /// To a client of gRPC, which takes no status but its own.
    Grpc,
}

impl Form {
    /// Returns the form for a request.
    ///
    /// gRPC is `POST` and nothing else. What may be kept by a cache gets no answer that a client
    /// could make look like a success.
    pub(crate) fn of(body: DenialBody, request: &Parts) -> Self {
        match request.method == Method::POST && is_grpc(&request.headers) {
            true => Self::Grpc,
            false => Self::Http(body),
        }
    }

    /// Answers a request that is past its limits: 429, or `RESOURCE_EXHAUSTED`.
    ///
    /// `refused` is the one of `charges` that is named, `retry_after` in seconds and `None` where
    /// waiting never helps.
    pub(crate) fn denied(
        self,
        charges: &[Charged],
        refused: &Charged,
        retry_after: Option<u64>,
    ) -> Response {
        let mut response = match self {
            Self::Http(body) => {
                let text = match body {
                    DenialBody::Json => json::denied(refused, retry_after),
                    DenialBody::Problem => problem::denied(charges, refused, retry_after),
                };
                http_response(StatusCode::TOO_MANY_REQUESTS, body, text)
            }
            Self::Grpc => grpc::denied(refused, retry_after),
        };
        set_retry_after(retry_after, response.headers_mut());
        response
    }

    /// Answers a request whose limits are not known: 503, or `UNAVAILABLE`. What is wrong with
    /// the store is the operator's affair.
    pub(crate) fn unavailable(self, retry_after: Option<u64>) -> Response {
        let mut response = match self {
            Self::Http(body) => {
                let text = match body {
                    DenialBody::Json => json::unavailable(),
                    DenialBody::Problem => problem::unavailable(retry_after),
                };
                http_response(StatusCode::SERVICE_UNAVAILABLE, body, text)
            }
            Self::Grpc => grpc::unavailable(retry_after),
        };
        set_retry_after(retry_after, response.headers_mut());
        response
    }

    /// Answers a request without the value that its limit counts by: 400, or `INVALID_ARGUMENT`.
    pub(crate) fn missing_key(self, missing: &MissingKey) -> Response {
        match self {
            Self::Http(body) => {
                let text = match body {
                    DenialBody::Json => json::missing_key(missing),
                    DenialBody::Problem => problem::missing_key(missing),
                };
                http_response(StatusCode::BAD_REQUEST, body, text)
            }
            Self::Grpc => grpc::missing_key(missing),
        }
    }

    /// Answers a request under a limit that is set up wrongly: 500, or `INTERNAL`. What is wrong
    /// is the operator's affair.
    pub(crate) fn misconfigured(self) -> Response {
        match self {
            Self::Http(body) => {
                let text = match body {
                    DenialBody::Json => json::misconfigured(),
                    DenialBody::Problem => problem::misconfigured(),
                };
                http_response(StatusCode::INTERNAL_SERVER_ERROR, body, text)
            }
            Self::Grpc => grpc::misconfigured(),
        }
    }
}

fn http_response(status: StatusCode, body: DenialBody, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(body.media_type());
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
