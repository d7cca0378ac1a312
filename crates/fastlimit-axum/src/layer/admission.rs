use axum::http::Extensions;
use axum::response::Response;
use fastlimit_core::Decision;

use super::config::Config;
use crate::headers::{Place, Shown};

/// An allowed request's limit, as its response is to show it.
pub(super) struct Admission {
    shown: Shown,
    /// For the response's extensions, where somebody looks for it there. Boxed, since a future
    /// carries it.
    decision: Option<Box<Decision>>,
}

impl Admission {
    /// Leaves the decision of a layer in a request's extensions.
    #[inline]
    pub(super) fn new(decision: Decision, extensions: &mut Extensions, layer: &Config) -> Self {
        let shown = Shown::new(&decision, |requests| layer.limit_values.get(requests));
        // In its place was that of a layer around this one, which will ask the response whose
        // limit is the stricter.
        let nested = extensions.insert(decision).is_some();
        let decision = if nested || layer.attach_decision {
            extensions.get().cloned().map(Box::new)
        } else {
            None
        };
        Self { shown, decision }
    }

    /// Shows the limit on the response, unless that shows a stricter one.
    pub(super) fn show(self, response: &mut Response) {
        let place = self.shown.place(response.extensions());
        if !self.shown.write(place, response.headers_mut()) {
            return;
        }
        if let Some(decision) = self.decision {
            response.extensions_mut().insert(*decision);
        } else if place == Place::Over {
            // The headers no longer show it.
            response.extensions_mut().remove::<Decision>();
        }
    }
}
