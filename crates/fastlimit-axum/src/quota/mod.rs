//! What one request is charged.

mod request;

use axum::http::request::Parts;
use axum::response::IntoResponse;

pub use request::QuotaRequest;
pub(crate) use request::Subject;

use crate::Headers;

/// What a request is charged, for the extractor [`RateLimited`](crate::RateLimited): implement
/// it for a type of your own that names the quota.
///
/// The method may await, and borrow the request and the state meanwhile: here belong look-ups
/// that are too much for a hook of the [`RateLimitLayer`](crate::RateLimitLayer).
///
/// ```
/// use axum::{Router, extract::FromRef, http::{StatusCode, request::Parts}, routing::get};
/// use fastlimit::{Cost, MemoryStore, Policy, Quota, QuotaRequest, RateLimited, RateLimiter};
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
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Quota` in an application with the state `{S}`",
    note = "implement `Quota<{S}>` for `{Self}`, or `Quota<S>` for any `S`"
)]
pub trait Quota<S> {
    /// What refuses a request before its limit is looked at, such as 401 for a client that
    /// nobody knows; [`Rejection`](crate::Rejection) or [`Infallible`](std::convert::Infallible) where there is
    /// nothing of your own.
    type Rejection: IntoResponse + 'static;

    /// Tells what the request is charged, and to whom.
    ///
    /// [`QuotaRequest::unlimited`] lets it pass: no store is asked, no header is written.
    fn request(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<QuotaRequest, Self::Rejection>> + Send;

    /// Tells which header fields show the limit.
    #[must_use]
    fn headers() -> Headers {
        Headers::default()
    }
}
