use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use fastlimit_axum::{ClientAddress, ClientIp, RateLimitLayer, Rejection, key};
use fastlimit_core::{Cost, Policy};

use crate::support::{Calls, Server, header, limiter, policy};

/// A service's own error.
struct ApiError(&'static str);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (StatusCode::UNAUTHORIZED, self.0).into_response()
    }
}

fn api_key(parts: &Parts) -> Result<String, ApiError> {
    header(parts, "x-api-key").ok_or(ApiError("no API key"))
}

async fn serve(layer: RateLimitLayer) -> (Server, Calls) {
    let calls = Calls::default();
    let app = Router::new().route("/", calls.route().layer(layer));
    (Server::start(app).await, calls)
}

#[tokio::test]
async fn a_key_is_a_counter_and_a_missing_one_is_not_charged() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("data", "2/minute")).key(api_key);
    let (server, calls) = serve(layer).await;

    assert_eq!(server.get_with("x-api-key", "a").await.remaining(), Some(1));
    assert_eq!(server.get_with("x-api-key", "b").await.remaining(), Some(1));
    let refused = server.get("/").await;
    assert_eq!((refused.status, refused.body.as_str()), (401, "no API key"));
    assert_eq!(refused.limit(), None);
    assert_eq!(server.get_with("x-api-key", "a").await.remaining(), Some(0));
    assert_eq!(server.get_with("x-api-key", "a").await.status, 429);
    assert_eq!(calls.count(), 3);
}

#[tokio::test]
async fn a_policy_is_chosen_by_the_request() {
    fn tier_of(parts: &Parts) -> Result<Policy, ApiError> {
        match header(parts, "x-api-key").as_deref() {
            Some("free-key") => Ok(policy("free", "10/minute")),
            Some("premium-key") => Ok(policy("premium", "100/minute")),
            _ => Err(ApiError("no such API key")),
        }
    }
    let (limiter, _) = limiter();
    let (server, calls) = serve(RateLimitLayer::new(limiter, tier_of).key(api_key)).await;

    let limit_of = async |key: &str| server.get_with("x-api-key", key).await.limit();
    assert_eq!(limit_of("free-key").await, Some((10, 9, 40)));
    assert_eq!(limit_of("premium-key").await, Some((100, 99, 40)));
    assert_eq!(limit_of("free-key").await, Some((10, 8, 40)));
    assert_eq!(server.get_with("x-api-key", "stolen").await.status, 401);
    assert_eq!(calls.count(), 3);
}

#[tokio::test]
async fn one_key_has_counters_of_its_own_in_each_policy_and_tenant() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, |parts: &Parts| {
        policy(&header(parts, "x-policy").unwrap_or("a".into()), "5/minute")
    })
    .key("everybody")
    .tenant(|parts: &Parts| header(parts, "x-tenant").unwrap_or("one".into()));
    let (server, _) = serve(layer).await;

    assert_eq!(server.get("/").await.remaining(), Some(4));
    assert_eq!(server.get_with("x-policy", "b").await.remaining(), Some(4));
    assert_eq!(
        server.get_with("x-tenant", "two").await.remaining(),
        Some(4)
    );
    assert_eq!(server.get("/").await.remaining(), Some(3));
}

#[tokio::test]
async fn a_cost_comes_from_the_request() {
    fn cost(parts: &Parts) -> Cost {
        let premium = parts.headers.contains_key("x-premium");
        Cost::requests(if premium { 10 } else { 1 })
    }
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("expensive", "15/minute")).cost(cost);
    let (server, calls) = serve(layer).await;

    assert_eq!(server.get_with("x-premium", "1").await.remaining(), Some(5));
    let denied = server.get_with("x-premium", "1").await;
    assert_eq!((denied.status, denied.remaining()), (429, Some(5)));
    assert_eq!(server.get("/").await.remaining(), Some(4));
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn hooks_may_be_async_and_fallible() {
    async fn look_up(key: Option<String>) -> Result<&'static str, ApiError> {
        tokio::task::yield_now().await;
        match key.as_deref() {
            Some("a" | "b") => Ok("known"),
            _ => Err(ApiError("nobody has that key")),
        }
    }
    let (limiter, _) = limiter();
    let chosen = policy("data", "5/minute");
    let layer = RateLimitLayer::new(limiter, move |_: &Parts| {
        let chosen = chosen.clone();
        async move {
            tokio::task::yield_now().await;
            chosen
        }
    })
    .key(|parts: &Parts| look_up(header(parts, "x-api-key")))
    .tenant(|parts: &Parts| {
        let tenant = header(parts, "x-tenant");
        async move { tenant.ok_or(StatusCode::FORBIDDEN) }
    })
    .cost(|_: &Parts| async { Ok::<_, ApiError>(Cost::requests(2)) });
    let (server, calls) = serve(layer).await;

    let send = async |key: &str, tenant: Option<&str>| {
        let request = server.request("GET", "/").header("x-api-key", key);
        match tenant {
            Some(tenant) => request.header("x-tenant", tenant).send().await,
            None => request.send().await,
        }
    };
    assert_eq!(send("a", Some("t")).await.remaining(), Some(3));
    let refused = send("c", Some("t")).await;
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (401, "nobody has that key")
    );
    assert_eq!(send("a", None).await.status, 403);
    assert_eq!(send("b", Some("t")).await.remaining(), Some(1));
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn later_hooks_are_not_asked_once_one_refused() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("data", "5/minute"))
        .key(api_key)
        .cost(|_: &Parts| -> Cost { panic!("asked for the cost of a refused request") });
    let (server, calls) = serve(layer).await;
    assert_eq!(server.get("/").await.status, 401);
    assert_eq!(calls.count(), 0);
}

/// Every form of each hook compiles, without naming `M`.
#[test]
fn the_forms_of_a_hook() {
    let (limiter, _) = limiter();
    let users = policy("users", "1/s");
    let layer = RateLimitLayer::new(limiter.clone(), &users).policy(users.clone());
    let shared: Arc<str> = "shared".into();
    let address = IpAddr::from([192, 0, 2, 7]);

    let _ = layer
        .clone()
        .key("literal")
        .key(String::from("owned"))
        .key(shared.clone())
        .key(address)
        .key(ClientAddress::from(address))
        .key(ClientIp::peer())
        .key(key::header("x-api-key"))
        .key((key::matched_path(), ClientIp::peer()))
        .tenant(key::path_param("tenant"))
        .key(std::borrow::Cow::Borrowed("cow"))
        .key(api_key)
        .key(|parts: &Parts| ClientIp::peer().address(parts))
        .key(move |_: &Parts| address)
        .key(move |_: &Parts| shared.clone())
        .key(move |_: &Parts| -> Result<IpAddr, Rejection> { Ok(address) })
        .key(|_: &Parts| async { "literal" })
        .key(|_: &Parts| std::future::ready(Err::<String, _>(StatusCode::UNAUTHORIZED)))
        .key(
            |_: &Parts| -> std::pin::Pin<Box<dyn Future<Output = String> + Send>> {
                Box::pin(async { String::new() })
            },
        );
    let _ = layer
        .clone()
        .cost(Cost::requests(2))
        .cost(|_: &Parts| Cost::ZERO)
        .cost(|_: &Parts| Err::<Cost, _>(StatusCode::BAD_REQUEST))
        .cost(|_: &Parts| async { Cost::ZERO });
    let clone = users.clone();
    let _ = layer
        .policy(move |_: &Parts| clone.clone())
        .policy(|_: &Parts| Policy::new("users", "1/s").map_err(|_| StatusCode::BAD_REQUEST))
        .policy(move |_: &Parts| {
            let users = users.clone();
            async move { Ok::<_, ApiError>(users) }
        });
}
