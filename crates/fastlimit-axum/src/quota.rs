use std::fmt;

use axum::http::request::Parts;
use axum::response::IntoResponse;
use fastlimit_core::{Cost, Decision, Policy, RateLimiter};

use crate::charge::Charge;
use crate::{ClientIp, HookValue, Rejection};

/// What a request is charged, for the extractor [`RateLimited`](crate::RateLimited): implement
/// it for a type of your own that names the quota.
///
/// The method may await, and borrow the request and the state meanwhile: here belong look-ups
/// that are too much for a hook of the [`RateLimitLayer`](crate::RateLimitLayer).
///
/// ```
/// use axum::{Router, extract::FromRef, http::{StatusCode, request::Parts}, routing::get};
/// use fastlimit_axum::{Quota, QuotaRequest, RateLimited};
/// use fastlimit_core::{Cost, Policy, RateLimiter};
/// # use fastlimit_memory::MemoryStore;
///
/// #[derive(Clone, FromRef)]
/// struct AppState {
///     limiter: RateLimiter,
///     exports: Policy,
/// }
/// # impl AppState { async fn user_of(&self, _: &str) -> Option<String> { None } }
///
/// struct Exports;
///
/// impl Quota<AppState> for Exports {
///     type Rejection = StatusCode;
///
///     async fn request(parts: &mut Parts, state: &AppState) -> Result<QuotaRequest, StatusCode> {
///         let token = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
///         let user = state.user_of(token.ok_or(StatusCode::UNAUTHORIZED)?).await;
///         Ok(QuotaRequest::new(&state.exports)
///             .key(user.ok_or(StatusCode::FORBIDDEN)?)
///             .tenant("staff")
///             .cost(Cost::requests(5)))
///     }
/// }
///
/// async fn export(limit: RateLimited<Exports>) -> (RateLimited<Exports>, &'static str) {
///     (limit, "…") // the limit's headers, and the body
/// }
///
/// let state = AppState {
///     limiter: RateLimiter::new(MemoryStore::new()),
///     exports: Policy::new("exports", "20/hour")?,
/// };
/// let app: Router = Router::new().route("/export", get(export)).with_state(state);
/// # Ok::<(), fastlimit_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Quota` in an application with the state `{S}`",
    note = "implement `Quota<{S}>` for `{Self}`, or `Quota<S>` for any `S`"
)]
pub trait Quota<S> {
    /// What refuses a request before its limit is looked at, such as 401 for a client that
    /// nobody knows; [`Rejection`] or [`Infallible`](std::convert::Infallible) where there is
    /// nothing of your own.
    type Rejection: IntoResponse + 'static;

    /// Tells what the request is charged, and to whom.
    fn request(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<QuotaRequest, Self::Rejection>> + Send;
}

/// A policy, and what of it one request is charged: by the client's address, to the tenant
/// `default`, cost 1, unless told otherwise. A [`Quota`] returns it.
#[derive(Clone)]
#[must_use = "it charges nothing by itself"]
pub struct QuotaRequest {
    policy: Policy,
    key: Option<String>,
    tenant: Option<String>,
    cost: Cost,
}

impl QuotaRequest {
    /// Creates a request for a policy: a [`Policy`] or a `&Policy`. It has a name, else the
    /// request is refused with [`Rejection::UnnamedPolicy`].
    pub fn new<M>(policy: impl HookValue<Policy, M>) -> Self {
        Self {
            policy: policy.into_value(),
            key: None,
            tenant: None,
            cost: Cost::ONE,
        }
    }

    /// Sets who is limited; the [client's address](ClientIp) otherwise.
    pub fn key<M>(mut self, key: impl HookValue<String, M>) -> Self {
        self.key = Some(key.into_value());
        self
    }

    /// Sets the tenant, `default` otherwise: the same key of another tenant has counters of its
    /// own.
    pub fn tenant<M>(mut self, tenant: impl HookValue<String, M>) -> Self {
        self.tenant = Some(tenant.into_value());
        self
    }

    /// Sets the cost, one request otherwise.
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Charges the limiter, by the client's address where no key is set.
    pub(crate) async fn charge(
        self,
        parts: &Parts,
        limiter: &RateLimiter,
    ) -> Result<Decision, Rejection> {
        let client;
        let key = match &self.key {
            Some(key) => key,
            None => {
                client = ClientIp::from_parts(parts)?.text();
                client.as_str()
            }
        };
        let charge = Charge {
            policy: &self.policy,
            key,
            tenant: self.tenant.as_deref(),
            cost: self.cost,
        };
        charge.to(limiter).await
    }
}

impl fmt::Debug for QuotaRequest {
    /// Writes no key, since it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaRequest")
            .field("policy", &self.policy)
            .field("tenant", &self.tenant)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}
