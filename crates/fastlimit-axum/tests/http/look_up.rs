//! One function that answers everything about a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use fastlimit_axum::{QuotaRequest, RateLimitLayer};
use fastlimit_core::{Cost, Policy};

use crate::support::{Calls, Server, header, limiter, policy};

/// Counts its queries.
#[derive(Clone, Default)]
struct Database(Arc<AtomicU64>);

impl Database {
    async fn quota_of(self, customer: String) -> Result<Option<QuotaRequest>, StatusCode> {
        self.0.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        // One name for all tiers, so that an upgrade keeps the count.
        let (tier, limits) = match customer.as_str() {
            "ada" => ("small", "3/minute"),
            "ada-upgraded" => ("small", "9/minute"),
            "staff" => return Ok(None),
            _ => return Err(StatusCode::UNAUTHORIZED),
        };
        let policy = Policy::new("api", limits).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let request = QuotaRequest::new(policy).key("ada").tenant(tier);
        Ok(Some(request.cost(Cost::requests(2))))
    }
}

#[tokio::test]
async fn a_database_is_asked_once_for_each_request() {
    let (limiter, _) = limiter();
    let database = Database::default();
    let queries = Arc::clone(&database.0);
    let layer = RateLimitLayer::look_up(limiter, move |parts: &Parts| {
        let customer = header(parts, "x-customer").ok_or(StatusCode::UNAUTHORIZED);
        let database = database.clone();
        async move { database.quota_of(customer?).await }
    });
    let calls = Calls::default();
    let server = Server::start(Router::new().route("/", calls.route().layer(layer))).await;
    let get = async |customer| server.get_with("x-customer", customer).await;

    assert_eq!(get("ada").await.limit(), Some((3, 1, 40)));
    assert_eq!(get("ada").await.status, 429);
    assert_eq!(get("ada-upgraded").await.limit(), Some((9, 5, 40)));
    let staff = get("staff").await;
    assert_eq!((staff.status, staff.limit()), (200, None));
    assert_eq!(get("nobody").await.status, 401);
    assert_eq!(queries.load(Ordering::SeqCst), 5);
    assert_eq!(server.get("/").await.status, 401);
    assert_eq!(queries.load(Ordering::SeqCst), 5);
    assert_eq!(calls.count(), 3);
}

#[tokio::test]
async fn it_may_answer_at_once_and_leave_the_key_to_the_address() {
    let (limiter, _) = limiter();
    let request = QuotaRequest::new(policy("users", "1/minute"));
    let layer = RateLimitLayer::look_up(limiter, move |_: &Parts| request.clone());
    let server =
        Server::start(Router::new().route("/", Calls::default().route().layer(layer))).await;
    assert_eq!(server.get("/").await.limit(), Some((1, 0, 40)));
    assert_eq!(server.get("/").await.status, 429);
}
