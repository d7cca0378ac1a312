//! What the extensions of a request and of its response hold.

use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use fastlimit_axum::{Quota, QuotaRequest, RateLimitLayer, RateLimited, Rejection};
use fastlimit_core::{Cost, Decision, RateLimiter};

use crate::support::{Answer, Server, limiter, policy};

/// A server that says in `x-held` of which limit the response's extensions hold a decision.
async fn serve(app: Router<RateLimiter>, limiter: RateLimiter) -> Server {
    let say = |response: Response| async {
        let held = response.extensions().get::<Decision>();
        let held = held.map(|decision| decision.binding().limit().to_string());
        ([("x-held", held.unwrap_or_default())], response)
    };
    Server::start(app.layer(map_response(say)).with_state(limiter)).await
}

/// A layer that limits by a policy of its own.
fn layer(limiter: &RateLimiter, limits: &str) -> RateLimitLayer {
    RateLimitLayer::new(limiter.clone(), policy(limits, limits))
}

fn app(route: MethodRouter<RateLimiter>) -> Router<RateLimiter> {
    Router::new().route("/", route)
}

/// The limit that the headers show, and the one whose decision the extensions hold.
fn shown_and_held(answer: &Answer) -> (u64, &str) {
    let (limit, ..) = answer.limit().unwrap();
    (limit, answer.header("x-held").unwrap())
}

/// Three requests a minute, by an extractor.
struct Search;

impl<S: Sync> Quota<S> for Search {
    type Rejection = Rejection;

    async fn request(_: &mut Parts, _: &S) -> Result<QuotaRequest, Rejection> {
        Ok(QuotaRequest::new(policy("search", "3/minute")))
    }
}

async fn search(limit: RateLimited<Search>) -> impl IntoResponse {
    (limit, "found")
}

#[tokio::test]
async fn a_lone_layer_attaches_denials() {
    let (limiter, _) = limiter();
    let route = app(get("ok")).layer(layer(&limiter, "1/minute"));
    let server = serve(route, limiter).await;

    assert_eq!(shown_and_held(&server.get("/").await), (1, ""));
    assert_eq!(shown_and_held(&server.get("/").await), (1, "1/minute"));
}

#[tokio::test]
async fn a_layer_that_is_told_to_attaches_every_decision() {
    let (limiter, _) = limiter();
    let route = app(get("ok")).layer(layer(&limiter, "1/minute").attach_decision());
    let server = serve(route, limiter).await;

    for status in [200, 429] {
        let answer = server.get("/").await;
        assert_eq!(answer.status, status);
        assert_eq!(shown_and_held(&answer), (1, "1/minute"));
    }
}

#[tokio::test]
async fn so_does_one_that_had_to_wait() {
    let (limiter, _) = limiter();
    let waiting = |_: &Parts| async {
        tokio::task::yield_now().await;
        "somebody"
    };
    let inner = layer(&limiter, "5/minute").key(waiting);
    let outer = layer(&limiter, "4/minute").key(waiting).attach_decision();
    let server = serve(app(get("ok")).layer(inner).layer(outer), limiter).await;

    assert_eq!(shown_and_held(&server.get("/").await), (4, "4/minute"));
}

#[tokio::test]
async fn what_no_header_shows_is_not_attached() {
    let (limiter, _) = limiter();
    let own = get(|| async { [("x-ratelimit-limit", "7000")] });
    let route = app(own).layer(layer(&limiter, "5/minute").attach_decision());
    let answer = serve(route, limiter).await.get("/").await;

    assert_eq!(answer.header("x-ratelimit-limit"), Some("7000"));
    assert_eq!(answer.header("x-held"), Some(""));
}

#[tokio::test]
async fn of_nested_layers_the_outermost_attaches_what_the_headers_show() {
    for limits in [
        [5, 7, 9],
        [5, 9, 7],
        [7, 5, 9],
        [7, 9, 5],
        [9, 5, 7],
        [9, 7, 5],
    ] {
        let (limiter, _) = limiter();
        let [outer, middle, inner] =
            limits.map(|limit| layer(&limiter, &format!("{limit}/minute")));
        let route = app(get("ok")).layer(inner).layer(middle);
        let told = route.clone().layer(outer.clone().attach_decision());
        let told = serve(told, limiter.clone()).await.get("/").await;
        assert_eq!(shown_and_held(&told), (5, "5/minute"), "{limits:?}");

        // What a layer finds that was not told to attach, may stay; but nothing else than what
        // the headers show.
        let not_told = serve(route.layer(outer), limiter).await.get("/").await;
        let (shown, held) = shown_and_held(&not_told);
        assert_eq!(shown, 5, "{limits:?}");
        assert!(["", "5/minute"].contains(&held), "{limits:?}: {held}");
    }
}

#[tokio::test]
async fn an_inner_denial_stays_attached() {
    for outer in ["1/minute", "9/minute"] {
        let (limiter, _) = limiter();
        let inner = layer(&limiter, "5/minute").cost(Cost::requests(6));
        let route = app(get("ok")).layer(inner).layer(layer(&limiter, outer));
        let denied = serve(route, limiter).await.get("/").await;
        assert_eq!(denied.status, 429);
        assert_eq!(shown_and_held(&denied), (5, "5/minute"));
    }
}

#[tokio::test]
async fn the_extractor_attaches_what_it_shows() {
    let (limiter, _) = limiter();
    let server = serve(app(get(search)), limiter).await;
    for status in [200, 200, 200, 429] {
        let answer = server.get("/").await;
        assert_eq!(answer.status, status);
        assert_eq!(shown_and_held(&answer), (3, "3/minute"));
    }
}

#[tokio::test]
async fn a_layer_around_the_extractor_attaches_what_the_headers_show() {
    for (limits, told, expected) in [
        ("2/minute", false, (2, "2/minute")),
        ("2/minute", true, (2, "2/minute")),
        ("9/minute", false, (3, "3/minute")),
        ("9/minute", true, (3, "3/minute")),
    ] {
        let (limiter, _) = limiter();
        let layer = layer(&limiter, limits);
        let layer = if told { layer.attach_decision() } else { layer };
        let server = serve(app(get(search)).layer(layer), limiter).await;
        assert_eq!(shown_and_held(&server.get("/").await), expected, "{limits}");
    }
}

#[tokio::test]
async fn the_handler_sees_the_decision_of_the_nearest_layer() {
    let (limiter, _) = limiter();
    let nearest =
        |decision: Extension<Decision>| async move { decision.binding().limit().to_string() };
    let route = app(get(nearest))
        .layer(layer(&limiter, "9/minute"))
        .layer(layer(&limiter, "5/minute"));
    let answer = serve(route, limiter).await.get("/").await;

    assert_eq!(answer.body, "9/minute");
    assert_eq!(answer.limit(), Some((5, 4, 40)));
}
