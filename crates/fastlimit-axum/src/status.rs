use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use smallvec::SmallVec;

use crate::charged::{Charged, Charges, binding};

/// What the rate limits around a handler said of its request: an extractor that every request
/// has, also one that is exempt or that no layer looked at.
///
/// ```
/// use axum::{Router, routing::get};
/// use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimitStatus, RateLimiter};
///
/// async fn handler(status: RateLimitStatus) -> String {
///     if status.is_unchecked() {
///         return "the store is down, and this passes all the same".to_owned();
///     }
///     match status.binding() {
///         Some(charged) => format!("{} left", charged.decision().remaining()),
///         None => "not limited".to_owned(),
///     }
/// }
///
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let layer = RateLimitLayer::new(limiter, Policy::new("users", "100/minute")?);
/// let app: Router = Router::new().route("/", get(handler).layer(layer));
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RateLimitStatus {
    /// Of all layers around, the outermost first.
    charges: Charges,
    /// Those of dry runs.
    rehearsed: Vec<Charged>,
    is_unchecked: bool,
    /// The layers that the request came through.
    layers: SmallVec<[LayerId; 2]>,
}

/// Tells layers apart; clones of one are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerId(pub(crate) usize);

impl RateLimitStatus {
    /// Returns what the request was charged, the nearest layer last; nothing if it is exempt.
    #[must_use]
    pub fn charges(&self) -> &[Charged] {
        &self.charges
    }

    /// Returns the strictest of the [`charges`](RateLimitStatus::charges), as
    /// [`Decision::binding`](fastlimit_core::Decision::binding) chooses a limit.
    #[must_use]
    pub fn binding(&self) -> Option<&Charged> {
        binding(&self.charges)
    }

    /// Returns what layers in a [dry run](crate::RateLimitLayer::dry_run) decided; they refuse
    /// nothing.
    #[must_use]
    pub fn rehearsed(&self) -> &[Charged] {
        &self.rehearsed
    }

    /// Tells whether a layer in a dry run would have refused the request.
    #[must_use]
    pub fn would_be_denied(&self) -> bool {
        let denied = |charged: &Charged| charged.decision().is_denied();
        self.rehearsed.iter().any(denied)
    }

    /// Tells whether the store failed and the request passes all the same, see
    /// [`OnStoreError::Allow`](crate::OnStoreError::Allow).
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        self.is_unchecked
    }

    /// Whether a request came through a layer.
    #[inline]
    pub(crate) fn has_passed(extensions: &Extensions, layer: LayerId) -> bool {
        let status = extensions.get::<Self>();
        status.is_some_and(|status| status.layers.contains(&layer))
    }

    /// Leaves what a request was charged for its handler; true if a limit around may show itself
    /// on the response too.
    #[inline]
    pub(crate) fn charge(
        extensions: &mut Extensions,
        charges: &[Charged],
        layer: Option<LayerId>,
    ) -> bool {
        let is_nested = match extensions.get_mut::<Self>() {
            Some(status) => {
                let is_nested = status.is_shown();
                status.charges.extend(charges.iter().cloned());
                status.layers.extend(layer);
                is_nested
            }
            None => {
                extensions.insert(Self {
                    charges: charges.iter().cloned().collect(),
                    rehearsed: Vec::new(),
                    is_unchecked: false,
                    layers: layer.into_iter().collect(),
                });
                false
            }
        };
        if let Some(nearest) = binding(charges) {
            extensions.insert(nearest.decision().clone());
        }
        is_nested
    }

    /// Leaves what a dry run decided; true if a limit around may show itself on the response.
    pub(crate) fn rehearse(
        extensions: &mut Extensions,
        charges: &[Charged],
        layer: LayerId,
    ) -> bool {
        let status = extensions.get_or_insert_default::<Self>();
        let is_nested = status.is_shown();
        status.rehearsed.extend_from_slice(charges);
        status.layers.push(layer);
        is_nested
    }

    fn is_shown(&self) -> bool {
        !(self.charges.is_empty() && self.rehearsed.is_empty())
    }

    /// Leaves that a request passes though the store failed.
    pub(crate) fn leave_unchecked(extensions: &mut Extensions, layer: LayerId) {
        let status = extensions.get_or_insert_default::<Self>();
        status.is_unchecked = true;
        status.layers.push(layer);
    }
}

impl<S: Sync> FromRequestParts<S> for RateLimitStatus {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}
