//! What a response shows of the limits that its request came through.

use axum::http::Extensions;
use axum::http::header::HeaderMap;
use axum::response::Response;
use fastlimit_core::Decision;

use crate::Headers;
use crate::charged::{Charges, binding};

/// In a response's extensions: what its header fields show, and in which families. A layer
/// outside adds its own charges and writes all of them anew.
#[derive(Clone)]
struct Shown(Charges, Headers);

/// What a response's extensions hold for those outside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leave {
    /// What the fields show, since a layer outside shows its limit too.
    pub(crate) shown: bool,
    /// The decision that binds, see
    /// [`attach_decision`](crate::RateLimitLayer::attach_decision).
    pub(crate) decision: bool,
}

impl Leave {
    pub(crate) const ALL: Self = Self {
        shown: true,
        decision: true,
    };
}

/// What a response is about to show. It lends its extensions or its fields, not both, so this
/// goes in three steps.
pub(crate) struct Showing {
    /// Those of the limits inside first.
    charges: Charges,
    headers: Headers,
    leave: Leave,
    /// The families whose fields are those of a limit inside; then those that were written.
    shown: Headers,
}

impl Showing {
    /// Takes together what was charged and what a limit inside shows. `None` if nothing is to be
    /// shown, and all stays as the limit inside left it.
    #[inline]
    pub(crate) fn new(
        mut charges: Charges,
        headers: Headers,
        mut leave: Leave,
        extensions: &mut Extensions,
    ) -> Option<Self> {
        if charges.is_empty() || (headers == Headers::none() && !leave.decision) {
            return None;
        }
        let mut shown = Headers::none();
        if headers != Headers::none()
            && let Some(Shown(mut inside, families)) = extensions.remove()
        {
            inside.append(&mut charges);
            charges = inside;
            shown = families;
        }
        // Nothing else may stand there than what the fields show.
        leave.decision |= extensions.get::<Decision>().is_some();
        Some(Self {
            charges,
            headers,
            leave,
            shown,
        })
    }

    /// Writes the fields. Those that the handler set itself stay.
    #[inline]
    pub(crate) fn write(&mut self, fields: &mut HeaderMap) {
        self.shown = self.headers.write(&self.charges, self.shown, fields);
    }

    /// Leaves what those outside want to know.
    #[inline]
    pub(crate) fn leave(self, extensions: &mut Extensions) {
        let is_shown = self.shown != Headers::none();
        if self.leave.decision {
            let is_quiet = self.headers == Headers::none();
            match binding(&self.charges) {
                Some(binding) if is_shown || is_quiet => {
                    extensions.insert(binding.decision().clone());
                }
                // The handler's own fields stand there.
                _ => _ = extensions.remove::<Decision>(),
            }
        }
        if self.leave.shown && is_shown {
            extensions.insert(Shown(self.charges, self.shown));
        }
    }
}

/// Shows what a request was charged, on its response.
#[inline]
pub(crate) fn show(charges: Charges, headers: Headers, leave: Leave, response: &mut Response) {
    if let Some(mut showing) = Showing::new(charges, headers, leave, response.extensions_mut()) {
        showing.write(response.headers_mut());
        showing.leave(response.extensions_mut());
    }
}

/// In a response's extensions: a limit refused the request.
#[derive(Clone)]
struct Refused;

/// Leaves that a limit refused the request, so that those outside give back what they charged.
pub(crate) fn refuse(response: &mut Response) {
    response.extensions_mut().insert(Refused);
}

/// Whether a limit refused the request.
#[inline]
pub(crate) fn is_refused(response: &Response) -> bool {
    response.extensions().get::<Refused>().is_some()
}

/// Whether a response shows a limit already.
pub(crate) fn shows_a_limit(response: &Response) -> bool {
    response.extensions().get::<Shown>().is_some()
}
