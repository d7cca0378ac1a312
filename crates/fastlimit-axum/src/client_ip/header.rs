use axum::http::HeaderName;
use axum::http::header::FORWARDED;

use crate::header_name;

/// Where proxies tell who sent to them.
#[derive(Clone, Debug, Default)]
pub(super) enum Header {
    #[default]
    XForwardedFor,
    Forwarded,
    /// One address.
    Single(HeaderName),
}

impl Header {
    #[track_caller]
    pub(super) fn new(name: &'static str) -> Self {
        let name = header_name::parse(name);
        if name == "x-forwarded-for" {
            Self::XForwardedFor
        } else if name == FORWARDED {
            Self::Forwarded
        } else {
            Self::Single(name)
        }
    }
}
