use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fastlimit::{Cost, Quota, QuotaRequest, RateLimitLayer, RateLimited, RateLimiter, Rejection};
use serde_json::{Value, json};

use super::policies::{Policies, Tier};

/// Returns the application: what `main` serves, and what a test drives.
pub(crate) fn router(limiter: RateLimiter, policies: Policies) -> Router {
    // By the client's address.
    let users = RateLimitLayer::new(limiter.clone(), &policies.users);
    let expensive = RateLimitLayer::new(limiter.clone(), &policies.expensive).cost(cost_of);

    // By API key, each in its tier.
    let tiers = policies.clone();
    let policy_of = move |parts: &Parts| tier_of(parts).map(|tier| tiers.of_tier(tier).clone());
    let data = RateLimitLayer::new(limiter.clone(), policy_of)
        .key(api_key)
        .tenant(|parts: &Parts| tier_of(parts).map(Tier::name));

    Router::new()
        .route("/api/users", get(list_users).layer(users))
        .route("/api/user/{user_id}", get(show_user))
        .route("/api/data", get(show_data).layer(data))
        .route("/api/expensive", post(work_hard).layer(expensive))
        .route("/api/search", get(search))
        .with_state(AppState { limiter, policies })
}

// Hooks of the layers: functions of the request without its body.

fn api_key(parts: &Parts) -> Result<String, UnknownApiKey> {
    let key = parts.headers.get("x-api-key").ok_or(UnknownApiKey)?;
    key.to_str().map(str::to_owned).map_err(|_| UnknownApiKey)
}

/// A real service looks this up; a hook may be async.
fn tier_of(parts: &Parts) -> Result<Tier, UnknownApiKey> {
    match api_key(parts)?.as_str() {
        "free-key" => Ok(Tier::Free),
        "premium-key" => Ok(Tier::Premium),
        "enterprise-key" => Ok(Tier::Enterprise),
        _ => Err(UnknownApiKey),
    }
}

fn cost_of(parts: &Parts) -> Cost {
    let is_premium = parts.headers.contains_key("x-premium");
    Cost::requests(if is_premium { 10 } else { 1 })
}

/// What the hooks answer where there is no such client. It is not charged.
struct UnknownApiKey;

impl IntoResponse for UnknownApiKey {
    fn into_response(self) -> Response {
        let body = json!({ "error": "unknown_api_key" });
        (StatusCode::UNAUTHORIZED, Json(body)).into_response()
    }
}

// Quotas of the extractors: they see the state, and may wait for it.

#[derive(Clone)]
struct AppState {
    limiter: RateLimiter,
    policies: Policies,
}

impl FromRef<AppState> for RateLimiter {
    fn from_ref(state: &AppState) -> Self {
        state.limiter.clone()
    }
}

struct UserQuota;

impl Quota<AppState> for UserQuota {
    type Rejection = PathRejection;

    async fn request(parts: &mut Parts, state: &AppState) -> Result<QuotaRequest, PathRejection> {
        // The path as axum decodes it: `/api/user/42` and `/api/user/%34%32` are one user.
        let Path(user_id) = Path::<String>::from_request_parts(parts, state).await?;
        Ok(QuotaRequest::new(&state.policies.user).key(user_id))
    }
}

struct SearchQuota;

impl Quota<AppState> for SearchQuota {
    type Rejection = Rejection;

    async fn request(_: &mut Parts, state: &AppState) -> Result<QuotaRequest, Rejection> {
        Ok(QuotaRequest::new(&state.policies.search)) // by the client's address
    }
}

// Handlers. They run for requests within their limits.

async fn list_users() -> Json<Value> {
    Json(json!({ "users": ["ada", "grace"] }))
}

async fn show_user(limit: RateLimited<UserQuota>, Path(id): Path<String>) -> impl IntoResponse {
    (limit, Json(json!({ "id": id })))
}

async fn show_data() -> Json<Value> {
    Json(json!({ "data": [1, 2, 3] }))
}

async fn work_hard() -> Json<Value> {
    Json(json!({ "done": true }))
}

/// Returning the limit with the body puts its headers on the response.
async fn search(limit: RateLimited<SearchQuota>) -> impl IntoResponse {
    let remaining = limit.decision().remaining();
    (
        limit,
        Json(json!({ "found": [], "searches_left": remaining })),
    )
}
