use axum::http::request::Parts;
use axum::routing::get;
use axum::{Extension, Router};
use fastlimit_axum::key::{self, Key};
use fastlimit_axum::{
    ClientIp, Quota, QuotaRequest, RateLimitLayer, RateLimited, Rejection, TrustedProxies,
};
use fastlimit_core::{Decision, KeyedDigest, RateLimiter};

use crate::support::{Answer, Calls, Server, limiter, policy};

/// A layer of 9 requests in a minute.
fn layer(key: impl Key) -> RateLimitLayer {
    let (limiter, _) = limiter();
    RateLimitLayer::new(limiter, policy("keyed", "9/minute")).key(key)
}

async fn serve(key: impl Key) -> Server {
    let route = Calls::default().route().layer(layer(key));
    Server::start(Router::new().route("/", route)).await
}

fn message(answer: &Answer) -> String {
    assert_eq!(answer.status, 400);
    let body = answer.json();
    assert_eq!(body["error"], "rate_limit_key_missing");
    assert_eq!(answer.limit(), None);
    body["message"].as_str().unwrap().to_owned()
}

fn is_set_up_wrongly(answer: &Answer) {
    assert_eq!(answer.status, 500);
    let body = answer.json();
    assert_eq!(body["error"], "rate_limiter_misconfigured");
    let message = "the rate limiter is set up wrongly; the server's log says how";
    assert_eq!(body["message"], message);
}

#[tokio::test]
async fn a_header_is_a_key() {
    let server = serve(key::header("X-API-Key")).await;
    let get = async |value: &str| server.get_with("x-api-key", value).await;

    assert_eq!(get("a").await.remaining(), Some(8));
    assert_eq!(get("b").await.remaining(), Some(8));
    assert_eq!(get("a").await.remaining(), Some(7));
    assert_eq!(get("é").await.remaining(), Some(8));
    let refused = server.get("/").await;
    assert_eq!(message(&refused), "the header `x-api-key` is missing");
    assert_eq!(message(&get("").await), "the header `x-api-key` is empty");

    let twice = async |a: &str, b: &str| {
        let request = server.request("GET", "/").header("x-api-key", a);
        request.header("x-api-key", b).send().await
    };
    assert_eq!(twice("a", "a").await.remaining(), Some(6));
    let refused = twice("a", "c").await;
    assert_eq!(
        message(&refused),
        "the header `x-api-key` came more than once, with different values"
    );
    assert_eq!(twice("", "a").await.status, 400);
}

#[tokio::test]
async fn a_cookie_is_a_key() {
    let server = serve(key::cookie("session")).await;
    let get = async |value: &str| server.get_with("cookie", value).await;

    assert_eq!(get("session=a").await.remaining(), Some(8));
    assert_eq!(get("theme=dark; session=a; x").await.remaining(), Some(7));
    assert_eq!(get("session=\"a\"").await.remaining(), Some(6));
    assert_eq!(get("session=b").await.remaining(), Some(8));
    assert_eq!(get("session=a; session=a").await.remaining(), Some(5));
    let lines = server.request("GET", "/").header("cookie", "theme=dark");
    let answer = lines.header("cookie", "session=a").send().await;
    assert_eq!(answer.remaining(), Some(4));

    for (value, expected) in [
        ("theme=dark", "the cookie `session` is missing"),
        ("Session=a; session", "the cookie `session` is missing"),
        ("session=", "the cookie `session` is empty"),
        (
            "session=a; session=b",
            "the cookie `session` came more than once, with different values",
        ),
    ] {
        assert_eq!(message(&get(value).await), expected);
    }
}

#[tokio::test]
async fn a_cookie_is_decoded_as_a_cookie_jar_decodes_it() {
    let server = serve(key::cookie("session")).await;
    let get = async |value: &str| server.get_with("cookie", value).await;

    assert_eq!(get("session=abc").await.remaining(), Some(8));
    assert_eq!(get("session=%61bc").await.remaining(), Some(7));
    assert_eq!(get("%73ession=ab%63").await.remaining(), Some(6));
    assert_eq!(get("session=abc; session=a%62c").await.remaining(), Some(5));
    assert_eq!(get("session=%2561bc").await.remaining(), Some(8));
    // What is not asked for need not be readable.
    assert_eq!(get("theme=%ff; session=abc").await.remaining(), Some(4));
    assert_eq!(get("%ff=x; session=abc").await.remaining(), Some(3));

    for (value, problem) in [
        ("session=%ff", "is not UTF-8"),
        ("%73ession=%ff", "is not UTF-8"),
        ("session=%ff; session=abc", "is not UTF-8"),
        ("session=abc; session=%ff", "is not UTF-8"),
        (
            "session=%61; session=%62",
            "came more than once, with different values",
        ),
        (
            "session=; session=a",
            "came more than once, with different values",
        ),
    ] {
        let message = message(&get(value).await);
        assert_eq!(
            message,
            format!("the cookie `session` {problem}"),
            "{value}"
        );
    }
}

#[tokio::test]
async fn a_query_parameter_is_a_key() {
    let server = serve(key::query_param("q")).await;
    assert_eq!(server.get("/?q=a%20b").await.remaining(), Some(8));
    assert_eq!(server.get("/?x=1&q=a+b").await.remaining(), Some(7));
    assert_eq!(server.get("/?q=a&q=%61").await.remaining(), Some(8));
    assert_eq!(server.get("/?%71=a&&x=%ff").await.remaining(), Some(7));
    assert_eq!(server.get("/?q=%EF%BF%BD").await.remaining(), Some(8));
    assert_eq!(server.get("/?q=a=b%26%2B").await.remaining(), Some(8));
    for (path, expected) in [
        ("/", "is missing"),
        ("/?Q=a", "is missing"),
        ("/?q=&x=1", "is empty"),
        ("/?q", "is empty"),
        ("/?q=a&q=b", "came more than once, with different values"),
        ("/?q=%ff", "is not UTF-8"),
        ("/?q=%fe&q=a", "is not UTF-8"),
        ("/?q=a&q=%fe", "is not UTF-8"),
    ] {
        let message = message(&server.get(path).await);
        assert_eq!(message, format!("the query parameter `q` {expected}"));
    }
}

#[tokio::test]
async fn a_path_parameter_is_a_key_of_routes_that_have_it() {
    let route = Calls::default().route();
    let app = Router::new()
        .route("/users/{id}", route.clone())
        .route("/users/{id}/posts/{post}", route.clone())
        .route("/about", route)
        .layer(layer(key::path_param("id")));
    let server = Server::start(app).await;

    assert_eq!(server.get("/users/a%2fb").await.remaining(), Some(8));
    assert_eq!(
        server.get("/users/a%2Fb/posts/1").await.remaining(),
        Some(7)
    );
    assert_eq!(server.get("/users/b").await.remaining(), Some(8));
    let refused = server.get("/users/%ff").await;
    assert_eq!(message(&refused), "the path parameter `id` is not UTF-8");
    is_set_up_wrongly(&server.get("/about").await);
    is_set_up_wrongly(&server.get("/nowhere").await);
}

#[tokio::test]
async fn a_nested_routers_path_counts_each_route_apart() {
    let route = Calls::default().route();
    let users = Router::new()
        .route("/", route.clone())
        .route("/{id}", route.clone());
    let app = Router::new()
        .route("/about", route)
        .nest("/users", users)
        .route_layer(layer((key::matched_path(), ClientIp::peer())));
    let server = Server::start(app).await;

    assert_eq!(server.get("/about").await.remaining(), Some(8));
    assert_eq!(server.get("/users").await.remaining(), Some(8));
    assert_eq!(server.get("/users/1").await.remaining(), Some(8));
    assert_eq!(server.get("/users/2").await.remaining(), Some(7));
    let nowhere = server.get("/nowhere").await;
    assert_eq!((nowhere.status, nowhere.limit()), (404, None));
}

#[derive(Clone)]
struct User(String);

#[tokio::test]
async fn what_an_authentication_layer_left_is_a_key() {
    let layer = layer(key::extension(|user: &User| user.0.clone()));
    let user = |name: &str| Extension(User(name.to_owned()));
    let route = Calls::default().route();
    // The outer layer first.
    let app = Router::new()
        .route("/ada", route.clone().layer((user("ada"), layer.clone())))
        .route("/bob", route.clone().layer((user("bob"), layer.clone())))
        .route("/nameless", route.clone().layer((user(""), layer.clone())))
        .route("/late", route.layer((layer, user("ada"))));
    let server = Server::start(app).await;

    assert_eq!(server.get("/ada").await.remaining(), Some(8));
    assert_eq!(server.get("/bob").await.remaining(), Some(8));
    assert_eq!(server.get("/ada").await.remaining(), Some(7));
    is_set_up_wrongly(&server.get("/nameless").await);
    is_set_up_wrongly(&server.get("/late").await);
}

#[tokio::test]
async fn another_key_is_taken_where_the_first_has_none() {
    let user = key::extension(|user: &User| user.0.clone());
    let server = serve(
        user.or_else(key::header("x-api-key"))
            .or_else(ClientIp::peer()),
    )
    .await;
    let get = async |value: &str| server.get_with("x-api-key", value).await;

    assert_eq!(get("a").await.remaining(), Some(8));
    assert_eq!(server.get("/").await.remaining(), Some(8));
    assert_eq!(get("").await.remaining(), Some(7));
    assert_eq!(get("a").await.remaining(), Some(7));
    // Nobody gets at the counter of another kind of key by a value that looks like it.
    assert_eq!(get("127.0.0.1").await.remaining(), Some(8));
    assert_eq!(get("|127.0.0.1").await.remaining(), Some(8));
    // Nor out of one's own by a value that is not clear.
    let twice = server.request("GET", "/").header("x-api-key", "a");
    assert_eq!(twice.header("x-api-key", "b").send().await.status, 400);

    let server = Server::start_without_connect_info(
        Router::new().route(
            "/",
            Calls::default()
                .route()
                .layer(layer(ClientIp::peer().or_else(key::query_param("who")))),
        ),
    )
    .await;
    assert_eq!(server.get("/?who=a").await.remaining(), Some(8));
    assert_eq!(server.get("/?who=b").await.remaining(), Some(8));
    assert_eq!(server.get("/").await.status, 400);
}

#[tokio::test]
async fn parts_of_a_tuple_are_not_confused() {
    let three = (
        key::query_param("a"),
        key::query_param("b"),
        key::query_param("c"),
    );
    let server = serve(three).await;
    for path in [
        "/?a=x&b=y&c=z",
        "/?a=x%7Cy&b=z&c=z",
        "/?a=x&b=y%7Cz&c=z",
        "/?a=x%5C&b=y&c=z",
        "/?a=x&b=%5Cy&c=z",
        "/?a=y&b=x&c=z",
    ] {
        assert_eq!(server.get(path).await.remaining(), Some(8), "{path}");
        assert_eq!(server.get(path).await.remaining(), Some(7), "{path}");
    }
    let refused = server.get("/?a=x&c=z").await;
    assert_eq!(message(&refused), "the query parameter `b` is missing");

    let four = (
        key::query_param("a"),
        key::header("host"),
        ClientIp::peer(),
        key::query_param("a"),
    );
    let server = serve(four).await;
    assert_eq!(server.get("/?a=1").await.remaining(), Some(8));
    assert_eq!(server.get("/?a=2").await.remaining(), Some(8));
}

#[tokio::test]
async fn a_secret_key_counts_by_its_digest() {
    let digests = KeyedDigest::new("the service's own");
    let key = key::header("x-api-key").secret(&digests);
    let text = format!("{key:?}");
    assert!(!text.contains("own"), "{text}");
    assert!(text.contains("x-api-key"), "{text}");

    let server = serve(key).await;
    let get = async |value: &str| server.get_with("x-api-key", value).await;
    assert_eq!(get("sk-live-1").await.remaining(), Some(8));
    assert_eq!(get("sk-live-2").await.remaining(), Some(8));
    assert_eq!(get("sk-live-1").await.remaining(), Some(7));
    assert_eq!(get(&digests.digest("sk-live-1")).await.remaining(), Some(8));
    let refused = server.get("/").await;
    assert_eq!(message(&refused), "the header `x-api-key` is missing");
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_counters_of_their_own() {
    let server = serve(ClientIp::behind(TrustedProxies::private())).await;
    let get = async |value: &str| server.get_with("x-forwarded-for", value).await;

    assert_eq!(get("203.0.113.9").await.remaining(), Some(8));
    assert_eq!(get("203.0.113.8").await.remaining(), Some(8));
    assert_eq!(get("192.0.2.66, 203.0.113.9").await.remaining(), Some(7));
    assert_eq!(server.get("/").await.remaining(), Some(8));
}

struct ByApiKey;

impl Quota<RateLimiter> for ByApiKey {
    type Rejection = Rejection;

    async fn request(parts: &mut Parts, _: &RateLimiter) -> Result<QuotaRequest, Rejection> {
        let key = key::header("x-api-key").key(parts)?;
        Ok(QuotaRequest::new(policy("keyed", "9/minute")).key(key))
    }
}

#[tokio::test]
async fn a_quota_asks_a_key_itself() {
    let handler = |limit: RateLimited<ByApiKey>| async { (limit, "ok") };
    let app = Router::new()
        .route("/", get(handler))
        .with_state(limiter().0);
    let server = Server::start(app).await;

    assert_eq!(server.get_with("x-api-key", "a").await.remaining(), Some(8));
    assert_eq!(server.get_with("x-api-key", "b").await.remaining(), Some(8));
    let refused = server.get("/").await;
    assert_eq!(message(&refused), "the header `x-api-key` is missing");
}

#[tokio::test]
async fn a_key_may_name_the_tenant() {
    let layer = layer(ClientIp::peer()).tenant(key::header("x-tenant"));
    let handler =
        get(|decision: Extension<Decision>| async move { decision.remaining().to_string() });
    let server = Server::start(Router::new().route("/", handler.layer(layer))).await;
    assert_eq!(server.get_with("x-tenant", "a").await.body, "8");
    assert_eq!(server.get_with("x-tenant", "b").await.body, "8");
    assert_eq!(server.get("/").await.status, 400);
}
