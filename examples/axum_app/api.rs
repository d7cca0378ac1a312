use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fastlimit::{
    Cost, Decision, Quota, QuotaRequest, RateLimitLayer, RateLimited, RateLimiter, Rejection,
};
use serde_json::{Value, json};

use super::policies::{Policies, Tier};

/// Returns the application: what `main` serves, and what a test drives.
pub(crate) fn router(limiter: RateLimiter, policies: Policies) -> Router {
    // By the client's address.
    let users = RateLimitLayer::new(limiter.clone(), &policies.users);
    let expensive = RateLimitLayer::new(limiter.clone(), &policies.expensive).cost(cost_of);

    // By API key, each in its tier: one look-up answers everything.
    let tiers = policies.clone();
    let data = RateLimitLayer::look_up(limiter.clone(), move |parts: &Parts| {
        let (api_key, tier) = customer_of(parts)?;
        let request = QuotaRequest::new(tiers.of_tier(tier));
        Ok::<_, UnknownApiKey>(request.key(api_key).tenant(tier.name()))
    });

    Router::new()
        .route("/api/users", get(list_users).layer(users))
        .route("/api/user/{user_id}", get(show_user))
        .route("/api/data", get(show_data).layer(data))
        .route("/api/expensive", post(work_hard).layer(expensive))
        .route("/api/search", get(search))
        .with_state(AppState { limiter, policies })
}

// Hooks of the layers: functions of the request without its body.

/// A real service looks this up; a hook may be async.
fn customer_of(parts: &Parts) -> Result<(&str, Tier), UnknownApiKey> {
    let api_key = parts.headers.get("x-api-key").ok_or(UnknownApiKey)?;
    let api_key = api_key.to_str().map_err(|_| UnknownApiKey)?;
    let tier = match api_key {
        "free-key" => Tier::Free,
        "premium-key" => Tier::Premium,
        "enterprise-key" => Tier::Enterprise,
        _ => return Err(UnknownApiKey),
    };
    Ok((api_key, tier))
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
    let remaining = limit.decision().map(Decision::remaining);
    (
        limit,
        Json(json!({ "found": [], "searches_left": remaining })),
    )
}
