use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::get;
use fastlimit_axum::{Quota, QuotaRequest, RateLimitLayer, RateLimited, Rejection};
use fastlimit_core::{Cost, Decision, Policy, RateLimiter};

use crate::support::{Server, header, limiter, policy};

#[derive(Clone, FromRef)]
struct AppState {
    limiter: RateLimiter,
    search: Policy,
}

impl AppState {
    /// A look-up that borrows across an await.
    async fn tenant_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        tokio::task::yield_now().await;
        key.strip_prefix("key-of-")
    }
}

struct Search;

impl Quota<AppState> for Search {
    type Rejection = (StatusCode, &'static str);

    async fn request(parts: &mut Parts, state: &AppState) -> Result<QuotaRequest, Self::Rejection> {
        let request = QuotaRequest::new(&state.search);
        let Some(key) = parts
            .headers
            .get("x-api-key")
            .and_then(|key| key.to_str().ok())
        else {
            return Ok(request); // by client IP
        };
        let tenant = state.tenant_of(key).await;
        let tenant = tenant.ok_or((StatusCode::UNAUTHORIZED, "nobody has that key"))?;
        Ok(request.key(key).tenant(tenant).cost(Cost::requests(2)))
    }
}

/// A quota for any state, of a policy with no name.
struct Unnamed;

impl<S: Sync> Quota<S> for Unnamed {
    type Rejection = Rejection;

    async fn request(_: &mut Parts, _: &S) -> Result<QuotaRequest, Rejection> {
        let policy = "5/minute".parse::<Policy>();
        let policy = policy.map_err(|error| Rejection::hook(error.to_string()))?;
        Ok(QuotaRequest::new(policy))
    }
}

async fn search(limit: RateLimited<Search>) -> impl IntoResponse {
    (limit, "found")
}

async fn quiet(limit: RateLimited<Search>, decision: axum::Extension<Decision>) -> String {
    let remaining = limit.decision().map(Decision::remaining);
    assert_eq!(remaining, Some(decision.remaining()));
    decision.remaining().to_string()
}

async fn suggest(limit: Result<RateLimited<Search>, Rejection>) -> &'static str {
    match limit {
        Ok(_) => "fresh",
        Err(Rejection::Denied(_)) => "stale",
        Err(_) => "unknown",
    }
}

fn app(limits: &str) -> Router {
    let state = AppState {
        limiter: limiter().0,
        search: policy("search", limits),
    };
    Router::new()
        .route("/", get(search))
        .route("/quiet", get(quiet))
        .route("/suggest", get(suggest))
        .with_state(state)
}

#[tokio::test]
async fn headers_come_with_the_response_that_the_extractor_is_part_of() {
    let server = Server::start(app("3/minute")).await;

    let answer = server.get("/").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "found"));
    assert_eq!(answer.limit(), Some((3, 2, 40)));
    let answer = server.get("/quiet").await;
    assert_eq!((answer.body.as_str(), answer.limit()), ("1", None));
    assert_eq!(server.get("/suggest").await.body, "fresh");

    let denied = server.get("/").await;
    assert_eq!((denied.status, denied.limit()), (429, Some((3, 0, 40))));
    assert_eq!(denied.header("retry-after"), Some("40"));
    assert_eq!(denied.json()["limit"], "3/minute");
    assert_eq!(server.get("/suggest").await.body, "stale");
}

#[tokio::test]
async fn the_quota_sees_the_request_and_the_state() {
    let server = Server::start(app("5/minute")).await;
    let answer = server.get_with("x-api-key", "key-of-alice").await;
    assert_eq!(answer.remaining(), Some(3));
    assert_eq!(server.get("/").await.remaining(), Some(4));
    let refused = server.get_with("x-api-key", "stolen").await;
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (401, "nobody has that key")
    );
    assert_eq!(server.get("/").await.remaining(), Some(3));
}

#[tokio::test]
async fn misconfigurations_are_500() {
    let unnamed = |_: RateLimited<Unnamed>, State(_): State<RateLimiter>| async { "ran" };
    let app_of_a_limiter = Router::new()
        .route("/", get(unnamed))
        .with_state(limiter().0);
    let server = Server::start(app_of_a_limiter).await;
    let answer = server.get("/").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"], "rate_limiter_misconfigured");

    let server = Server::start_without_connect_info(app("5/minute")).await;
    let answer = server.get("/").await;
    assert_eq!(answer.status, 500);
    assert_eq!(server.get("/suggest").await.body, "unknown");
}

#[tokio::test]
async fn a_layer_around_it_shows_the_stricter() {
    let (outer, _) = limiter();
    let key = |parts: &Parts| header(parts, "x-who").unwrap_or_default();
    let layer = RateLimitLayer::new(outer, policy("all", "4/minute")).key(key);
    let server = Server::start(app("3/minute").layer(layer)).await;

    assert_eq!(server.get("/").await.limit(), Some((3, 2, 40)));
    assert_eq!(server.get("/quiet").await.limit(), Some((4, 2, 40)));
    assert_eq!(server.get("/").await.limit(), Some((3, 0, 40)));
    // What the extractor refuses costs nothing outside.
    for _ in 0..3 {
        let denied = server.get("/").await;
        assert_eq!((denied.status, denied.limit()), (429, Some((3, 0, 40))));
        assert_eq!(denied.json()["limit"], "3/minute");
    }
}
