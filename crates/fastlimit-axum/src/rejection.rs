use std::any::Any;
use std::fmt;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fastlimit_core::{Error, Exceeded, Policy};
use serde_json::json;

use crate::{denial, headers};

/// Why a request was refused.
///
/// As a response it is what the [crate's table](crate#responses) says. To answer otherwise,
/// give the layer an [`on_rejection`](crate::RateLimitLayer::on_rejection), or take
/// `Result<RateLimited<Q>, Rejection>` in the handler.
///
/// ```
/// use axum::{http::StatusCode, response::IntoResponse};
/// use fastlimit_axum::Rejection;
///
/// let rejection = Rejection::hook((StatusCode::UNAUTHORIZED, "no such API key"));
/// assert_eq!(rejection.into_response().status(), StatusCode::UNAUTHORIZED);
///
/// let same = Rejection::hook(Rejection::MissingClientAddress);
/// assert!(matches!(same, Rejection::MissingClientAddress));
/// assert_eq!(same.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The request is past a limit: 429. Nothing was charged.
    Denied(Exceeded),
    /// The limiter does not know the answer: 503.
    Store(Error),
    /// The key is the client's address, and the request holds none: 500.
    ///
    /// Serve the application with `into_make_service_with_connect_info::<SocketAddr>()`; a test
    /// without a connection adds axum's `MockConnectInfo` as a layer.
    MissingClientAddress,
    /// The policy has no name of its own: 500. It would share its counters with every other
    /// such policy.
    UnnamedPolicy(Policy),
    /// A hook or a quota refused the request with this response, such as 401 for an API key
    /// that nobody has. Nothing was charged.
    Hook(Box<Response>),
}

impl Rejection {
    /// Creates a rejection that answers with a response of your own. A rejection stays what it
    /// is.
    pub fn hook(response: impl IntoResponse + 'static) -> Self {
        let mut response = Some(response);
        let any: &mut dyn Any = &mut response;
        if let Some(rejection) = any.downcast_mut().and_then(Option::take) {
            return rejection;
        }
        Self::Hook(Box::new(
            response
                .map(IntoResponse::into_response)
                .unwrap_or_default(),
        ))
    }

    /// Tells the operator what is set up wrongly.
    pub(crate) fn report(&self) {
        match self {
            Self::MissingClientAddress => tracing::error!("{self}"),
            Self::UnnamedPolicy(policy) => tracing::error!(%policy, "{self}"),
            // The one is the client's affair, the other was reported with its policy's name.
            Self::Denied(_) | Self::Hook(_) | Self::Store(_) => {}
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(exceeded) => write!(f, "{exceeded}"),
            Self::Store(error) => write!(f, "{error}"),
            Self::MissingClientAddress => f.write_str(
                "the request holds no client address; serve the application with \
                 `into_make_service_with_connect_info::<SocketAddr>()`, or give the limit a key",
            ),
            Self::UnnamedPolicy(policy) => write!(
                f,
                "the policy `{policy}` has no name of its own, so other routes would share its \
                 counters; create it with `Policy::new(\"some name\", \"{policy}\")`",
            ),
            Self::Hook(response) => write!(f, "a hook answered {}", response.status()),
        }
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Denied(exceeded) => Some(exceeded),
            Self::Store(error) => Some(error),
            Self::MissingClientAddress | Self::UnnamedPolicy(_) | Self::Hook(_) => None,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Self::Denied(exceeded) => {
                let body = denial::body(&exceeded);
                let mut response = json_response(StatusCode::TOO_MANY_REQUESTS, body);
                headers::show_denial(&exceeded, &mut response);
                response
            }
            Self::Store(_) => {
                let body = json!({
                    "error": "rate_limiter_unavailable",
                    // What is wrong with the store is the operator's affair.
                    "message": "the rate limiter is unavailable; try again later",
                });
                json_response(StatusCode::SERVICE_UNAVAILABLE, body.to_string())
            }
            Self::MissingClientAddress | Self::UnnamedPolicy(_) => {
                let body = json!({
                    "error": "rate_limiter_misconfigured",
                    "message": self.to_string(),
                });
                json_response(StatusCode::INTERNAL_SERVER_ERROR, body.to_string())
            }
            Self::Hook(response) => *response,
        }
    }
}

fn json_response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
