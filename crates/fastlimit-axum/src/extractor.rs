use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponseParts, ResponseParts};
use fastlimit_core::{Decision, RateLimiter};

use crate::charge::{Bill, Outcome};
use crate::charged::{Charged, Charges, binding};
use crate::client_ip::{ClientText, Proxy};
use crate::denial::Form;
use crate::outage::Outage;
use crate::shown::{Leave, Showing};
use crate::style::Style;
use crate::told::Told;
use crate::unavailable::Unavailable;
use crate::{DenialBody, Headers, Quota, RateLimitStatus, Rejection};

/// That of all extractors: they have no place of their own.
static OUTAGE: Outage = Outage::none();
static TOLD: Told = Told::nothing();

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
/// With the headers goes the decision, into the response's extensions. Where a layer around the
/// handler has a stricter limit, headers of one limit show that. Which headers there are,
/// [`Quota::headers`] says.
///
/// # When the handler wants to decide
///
/// With `Result<RateLimited<Q>, Rejection>` the handler runs in any case, and may answer a
/// denial in its own way. There is no `Option<RateLimited<Q>>`: it would hide whether the
/// request was denied or could not be checked.
///
/// ```
/// use axum::{Router, extract::FromRef, http::request::Parts, response::IntoResponse, routing::get};
/// use fastlimit::{MemoryStore, Policy, Quota, QuotaRequest, RateLimited, RateLimiter, Rejection};
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
///     let left = limit.decision().map(|decision| decision.remaining());
///     (limit, format!("{left:?} searches left"))
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
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[must_use = "returned as part of the response, it sets the headers of its limit"]
pub struct RateLimited<Q> {
    charges: Charges,
    headers: Headers,
    quota: PhantomData<fn() -> Q>,
}

impl<Q> RateLimited<Q> {
    /// Returns the decision, which allows the request; of several the strictest. `None` if the
    /// quota says that the request is [not limited](crate::QuotaRequest::unlimited).
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        binding(&self.charges).map(Charged::decision)
    }

    /// Returns what the request was charged, in the order of the quota.
    #[must_use]
    pub fn charges(&self) -> &[Charged] {
        &self.charges
    }

    fn of(charges: Charges, headers: Headers) -> Self {
        Self {
            charges,
            headers,
            quota: PhantomData,
        }
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
        let outcome = charge::<S, Q>(parts, state).await;
        let outcome = outcome.inspect_err(|rejection| TOLD.of(rejection));
        let headers = Q::headers();
        let style = || Style {
            headers,
            form: Form::of(DenialBody::default(), parts),
            ..Style::default()
        };
        match outcome? {
            Outcome::Exempt => Ok(Self::of(Charges::new(), headers)),
            Outcome::Allowed(charges, _) => {
                OUTAGE.works();
                RateLimitStatus::charge(&mut parts.extensions, &charges, None);
                Ok(Self::of(charges, headers))
            }
            Outcome::Denied(denied, not_given_back) => {
                OUTAGE.refuses(denied.policy().name(), not_given_back.as_ref());
                Err(Rejection::Denied(denied.in_style(style())))
            }
            Outcome::Unknown(error, policy) => {
                OUTAGE.fails(&policy, &error, "the extractor refuses requests");
                Err(Rejection::Store(Unavailable::new(error).in_style(style())))
            }
        }
    }
}

/// Asks what a request is charged, and charges it.
async fn charge<S, Q>(parts: &mut Parts, state: &S) -> Result<Outcome, Rejection>
where
    Q: Quota<S>,
    RateLimiter: FromRef<S>,
{
    let request = Q::request(parts, state).await.map_err(Rejection::hook)?;
    let bill = Bill {
        limiter: RateLimiter::from_ref(state),
        subjects: request.into_charged(),
        client: ClientText::of_peer(&parts.extensions),
        proxy: Proxy::find(parts),
        partition_key: None,
    };
    bill.charge().await
}

impl<Q> IntoResponseParts for RateLimited<Q> {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        let extensions = response.extensions_mut();
        let showing = Showing::new(self.charges, self.headers, Leave::ALL, extensions);
        if let Some(mut showing) = showing {
            showing.write(response.headers_mut());
            showing.leave(response.extensions_mut());
        }
        Ok(response)
    }
}

impl<Q> Clone for RateLimited<Q> {
    fn clone(&self) -> Self {
        Self::of(self.charges.clone(), self.headers)
    }
}

impl<Q> fmt::Debug for RateLimited<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimited").field(&self.charges).finish()
    }
}
