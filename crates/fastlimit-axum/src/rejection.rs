use std::any::Any;
use std::fmt;

use axum::response::{IntoResponse, Response};
use fastlimit_core::Policy;

use crate::denied::Denied;
use crate::key::MissingKey;
use crate::style::Style;
use crate::unavailable::Unavailable;

/// Why a request was refused.
///
/// As a response it is what the [crate's table](crate#responses) says. To answer otherwise,
/// give the layer an [`on_rejection`](crate::RateLimitLayer::on_rejection), or take
/// `Result<RateLimited<Q>, Rejection>` in the handler.
///
/// ```
/// use axum::{http::StatusCode, response::IntoResponse};
/// use fastlimit::Rejection;
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
    Denied(Denied),
    /// The limiter does not know the answer: 503.
    Store(Unavailable),
    /// The key is the client's address, and the request holds none: 500. The log says what is
    /// missing, the client does not hear of it.
    ///
    /// Serve the application with `into_make_service_with_connect_info::<SocketAddr>()`; a test
    /// without a connection adds axum's `MockConnectInfo` as a layer.
    MissingClientAddress,
    /// The request does not hold the value that its limit counts by: 400. Where no client could send
    /// it, since the service is set up wrongly, 500; how, only the log tells. Nothing was charged.
    MissingKey(MissingKey),
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

    /// Has its response look so.
    pub(crate) fn in_style(self, style: Style) -> Self {
        match self {
            Self::Denied(denied) => Self::Denied(denied.in_style(style)),
            Self::Store(unavailable) => Self::Store(unavailable.in_style(style)),
            other @ (Self::MissingClientAddress
            | Self::MissingKey(_)
            | Self::UnnamedPolicy(_)
            | Self::Hook(_)) => other,
        }
    }

    /// Answers the request; `style` is that of what has none of its own.
    pub(crate) fn respond(self, style: Style) -> Response {
        match self {
            Self::Denied(denied) => denied.into_response(),
            Self::Store(unavailable) => unavailable.into_response(),
            Self::MissingKey(missing) if !missing.is_misconfigured() => {
                style.form.missing_key(&missing)
            }
            Self::MissingClientAddress | Self::MissingKey(_) | Self::UnnamedPolicy(_) => {
                style.form.misconfigured()
            }
            Self::Hook(response) => *response,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denied) => write!(f, "{denied}"),
            Self::Store(unavailable) => write!(f, "{unavailable}"),
            Self::MissingClientAddress => f.write_str(
                "the request holds no client address; serve the application with \
                 `into_make_service_with_connect_info::<SocketAddr>()`, or give the limit a key \
                 (as under tonic's own server)",
            ),
            Self::MissingKey(missing) => write!(f, "{missing}"),
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
            Self::Denied(denied) => Some(denied),
            Self::Store(unavailable) => Some(unavailable),
            Self::MissingKey(missing) => Some(missing),
            Self::MissingClientAddress | Self::UnnamedPolicy(_) | Self::Hook(_) => None,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.respond(Style::default())
    }
}
