use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponseParts, ResponseParts};
use fastlimit_core::{Decision, RateLimiter};

use crate::headers::Shown;
use crate::{Quota, Rejection};

/// An extractor that limits the handler that asks for it.
///
/// What the request is charged, the [`Quota`] `Q` says; the [`RateLimiter`] comes from the
/// application's state, as itself or by [`FromRef`]. The handler never sees a denied request:
/// it is answered with the [`Rejection`]. Extractors run in the order of the arguments, and
/// those before this one may refuse a request uncharged.
///
/// # Headers
///
/// An extractor alone cannot put headers on a response that the handler makes. Returned as part
/// of the response, as in `(limit, body)`, this one does; left out, only denials carry headers.
/// With the headers goes the decision, into the response's extensions. A layer around the
/// handler shows its own limit instead where that is stricter.
///
/// # When the handler wants to decide
///
/// With `Result<RateLimited<Q>, Rejection>` the handler runs in any case, and may answer a
/// denial in its own way. There is no `Option<RateLimited<Q>>`: it would hide whether the
/// request was denied or could not be checked.
///
/// ```
/// use axum::{Router, extract::FromRef, http::request::Parts, response::IntoResponse, routing::get};
/// use fastlimit_axum::{Quota, QuotaRequest, RateLimited, Rejection};
/// use fastlimit_core::{Policy, RateLimiter};
/// # use fastlimit_memory::MemoryStore;
///
/// #[derive(Clone, FromRef)]
/// struct AppState {
///     limiter: RateLimiter,
///     search: Policy,
/// }
///
/// struct SearchQuota;
///
/// impl Quota<AppState> for SearchQuota {
///     type Rejection = Rejection;
///
///     async fn request(_: &mut Parts, state: &AppState) -> Result<QuotaRequest, Rejection> {
///         Ok(QuotaRequest::new(&state.search)) // by client IP
///     }
/// }
///
/// async fn search(limit: RateLimited<SearchQuota>) -> impl IntoResponse {
///     let text = format!("{} searches left", limit.decision().remaining());
///     (limit, text)
/// }
///
/// async fn suggest(limit: Result<RateLimited<SearchQuota>, Rejection>) -> &'static str {
///     match limit {
///         Ok(_) => "fresh suggestions",
///         Err(_) => "suggestions from the cache",
///     }
/// }
///
/// let state = AppState {
///     limiter: RateLimiter::new(MemoryStore::new()),
///     search: Policy::new("search", "5/30s")?,
/// };
/// let app: Router = Router::new()
///     .route("/search", get(search))
///     .route("/suggest", get(suggest))
///     .with_state(state);
/// # Ok::<(), fastlimit_core::Error>(())
/// ```
#[must_use = "returned as part of the response, it sets the headers of its limit"]
pub struct RateLimited<Q> {
    decision: Decision,
    quota: PhantomData<fn() -> Q>,
}

impl<Q> RateLimited<Q> {
    /// Returns the decision, which allows the request.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl<S, Q> FromRequestParts<S> for RateLimited<Q>
where
    S: Send + Sync,
    Q: Quota<S>,
    RateLimiter: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let limiter = RateLimiter::from_ref(state);
        let request = Q::request(parts, state).await.map_err(Rejection::hook)?;
        let decision = request.charge(parts, &limiter).await;
        let decision = decision.inspect_err(Rejection::report)?;
        parts.extensions.insert(decision.clone());
        Ok(Self {
            decision,
            quota: PhantomData,
        })
    }
}

impl<Q> IntoResponseParts for RateLimited<Q> {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        let shown = Shown::of(&self.decision);
        let place = shown.place(response.extensions());
        if shown.write(place, response.headers_mut()) {
            response.extensions_mut().insert(self.decision);
        }
        Ok(response)
    }
}

impl<Q> Clone for RateLimited<Q> {
    fn clone(&self) -> Self {
        Self {
            decision: self.decision.clone(),
            quota: PhantomData,
        }
    }
}

impl<Q> fmt::Debug for RateLimited<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimited").field(&self.decision).finish()
    }
}
