use std::fmt;
use std::time::Duration;

use axum::response::Response;
use fastlimit_core::{Decision, Limit, Policy};

use crate::charged::{Charged, Charges};
use crate::denial::{Message, retry_after, set_retry_after};
use crate::shown::{self, Leave};
use crate::style::Style;

/// A denial: which policy refused the request, and how everything stands that it would have been
/// charged to. Nothing was charged.
///
/// ```
/// use axum::{http::StatusCode, response::IntoResponse};
/// use fastlimit::Rejection;
/// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
/// # let limiter = RateLimiter::new(MemoryStore::new());
/// # let policy = Policy::new("pages", "10/s")?;
///
/// let layer = RateLimitLayer::new(limiter, policy).on_rejection(|_, rejection| match rejection {
///     Rejection::Denied(denied) => {
///         let text = match denied.retry_after_seconds() {
///             Some(seconds) => format!("{}: come back in {seconds} s", denied.policy().name()),
///             None => format!("more than {} ever allows", denied.limit()),
///         };
///         (StatusCode::TOO_MANY_REQUESTS, text).into_response()
///     }
///     other => other.into_response(),
/// });
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[derive(Clone)]
// Boxed, so that a result with it stays small.
pub struct Denied(Box<Inner>);

#[derive(Clone)]
struct Inner {
    /// All of them, in the order of the request's subjects.
    charges: Charges,
    refused: Charged,
    /// Seconds, with jitter.
    retry_after: Option<u64>,
    style: Style,
}

impl Denied {
    /// A denial by `refused`, one of `charges`: the one with the longest wait.
    pub(crate) fn new(refused: Charged, charges: Charges) -> Self {
        let style = Style::default();
        let retry_after = retry_after(refused.decision(), style.jitter);
        Self(Box::new(Inner {
            charges,
            refused,
            retry_after,
            style,
        }))
    }

    /// Has its response look so.
    pub(crate) fn in_style(mut self, style: Style) -> Self {
        self.0.retry_after = retry_after(self.decision(), style.jitter);
        self.0.style = style;
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let Inner {
            charges,
            refused,
            retry_after,
            style,
        } = &*self.0;
        let mut response = style.form.denied(charges, refused, *retry_after);
        self.show(&mut response);
        response
    }

    /// Shows the denial on a response, which may say itself when to come back.
    pub(crate) fn show(self, response: &mut Response) {
        let Inner {
            charges,
            retry_after,
            style,
            ..
        } = *self.0;
        set_retry_after(retry_after, response.headers_mut());
        shown::refuse(response);
        shown::show(charges, style.headers, Leave::ALL, response);
    }

    /// Returns the policy that refused: of several, the one with the longest wait.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.0.refused.policy()
    }

    /// Returns its decision.
    pub fn decision(&self) -> &Decision {
        self.0.refused.decision()
    }

    /// Returns the limit that refused.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.decision().binding().limit()
    }

    /// Returns the time after which the same request passes; `None` if it never will.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.decision().retry_after()
    }

    /// Returns the seconds of the header `Retry-After`: [`retry_after`](Denied::retry_after),
    /// rounded up, at least 1, and made longer by the layer's
    /// [jitter](crate::RateLimitLayer::retry_jitter).
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// Returns how each policy stands that the request would have been charged under.
    #[must_use]
    pub fn charges(&self) -> &[Charged] {
        &self.0.charges
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Message::of(&self.0.refused, self.0.retry_after).fmt(f)
    }
}

impl fmt::Debug for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denied")
            .field("refused", &self.0.refused)
            .field("retry_after", &self.0.retry_after)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Denied {}
