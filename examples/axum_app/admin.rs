use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fastlimit::{Decision, Error, Policy, RateLimiter, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::policies::Policies;

/// Returns what the operator sees. It has no login: keep its listener to yourself.
pub(crate) fn router(limiter: RateLimiter, policies: Policies) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/usage", get(usage))
        .route("/reset", post(reset))
        .with_state(Arc::new(Admin { limiter, policies }))
}

struct Admin {
    limiter: RateLimiter,
    policies: Policies,
}

/// Whom a question is about, from the query of its URL.
#[derive(Deserialize)]
struct Subject {
    policy: String,
    tenant: Option<String>,
    key: String,
}

async fn health(State(admin): State<Arc<Admin>>) -> Result<Json<Value>, Failure> {
    admin.limiter.health().await?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn usage(
    State(admin): State<Arc<Admin>>,
    Query(subject): Query<Subject>,
) -> Result<Json<Value>, Failure> {
    let policy = admin.policy(&subject)?;
    let decision = admin.request(&subject).usage(policy).await?;
    Ok(Json(describe(policy, &decision)))
}

async fn reset(
    State(admin): State<Arc<Admin>>,
    Query(subject): Query<Subject>,
) -> Result<Json<Value>, Failure> {
    let policy = admin.policy(&subject)?;
    let decision = admin.request(&subject).reset(policy).await?;
    Ok(Json(describe(policy, &decision)))
}

fn describe(policy: &Policy, decision: &Decision) -> Value {
    let limits = decision.limits().iter().map(|status| {
        json!({
            "limit": status.limit().to_string(),
            "remaining": status.remaining(),
            "reset_after": status.reset_after().as_secs_f64(),
        })
    });
    json!({ "policy": policy.name(), "limits": limits.collect::<Vec<_>>() })
}

impl Admin {
    fn policy(&self, subject: &Subject) -> Result<&Policy, Failure> {
        let all = self.policies.all();
        let named = |policy: &&Policy| policy.name() == subject.policy;
        all.into_iter().find(named).ok_or_else(|| {
            let known = all.map(|policy| policy.name().to_owned()).into();
            Failure::UnknownPolicy { known }
        })
    }

    fn request<'a>(&'a self, subject: &'a Subject) -> RequestBuilder<'a> {
        let request = self.limiter.request(&subject.key);
        match &subject.tenant {
            Some(tenant) => request.tenant(tenant),
            None => request,
        }
    }
}

enum Failure {
    UnknownPolicy { known: Vec<String> },
    Limiter(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Limiter(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::UnknownPolicy { known } => (
                StatusCode::NOT_FOUND,
                json!({ "error": "unknown_policy", "policies": known }),
            ),
            Self::Limiter(error) => (
                StatusCode::SERVICE_UNAVAILABLE,
                json!({ "status": "unavailable", "error": error.to_string() }),
            ),
        };
        (status, Json(body)).into_response()
    }
}
