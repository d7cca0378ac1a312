use std::fmt;
use std::time::Duration;

use axum::response::Response;
use fastlimit_core::Error;

use crate::denial::jittered_seconds;
use crate::style::Style;

/// The store failed, so nobody knows whether the request is within its limits.
#[derive(Clone, Debug)]
pub struct Unavailable {
    error: Error,
    style: Style,
}

impl Unavailable {
    /// How long a client waits before it tries again. Nobody knows when the store is back.
    const RETRY_AFTER: Duration = Duration::from_secs(1);

    pub(crate) fn new(error: Error) -> Self {
        Self {
            error,
            style: Style::default(),
        }
    }

    /// Has its response look so.
    pub(crate) fn in_style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// Returns what the limiter said. It is the operator's affair, not the client's.
    pub fn error(&self) -> &Error {
        &self.error
    }

    pub(crate) fn into_response(self) -> Response {
        let retry_after = jittered_seconds(Self::RETRY_AFTER, self.style.jitter);
        self.style.form.unavailable(Some(retry_after))
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Unavailable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
