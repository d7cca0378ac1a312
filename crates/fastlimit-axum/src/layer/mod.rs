//! A limit around a service: a route, a router, or any tower service of HTTP requests.
//!
//! Not to be confused with tower's own `RateLimit`, which makes callers of one service wait:
//! this one tells apart who calls, and refuses instead. A refusal is a response and never the
//! service's error.

mod admission;
mod answers;
mod config;
mod future;
mod limit_values;
mod service;

use std::fmt;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::IntoResponse;
use fastlimit_core::{Cost, RateLimiter};
use tower_layer::Layer;

pub use future::RateLimitFuture;
pub use service::RateLimitService;

use crate::{IntoHook, IntoPolicyHook, Rejection};
use config::{Config, Preflights};

/// A [`Layer`] that limits the requests to a route or a router.
///
/// Requests are limited by [the client's address](crate::ClientIp) unless a
/// [`key`](RateLimitLayer::key) says otherwise. Those past the limit, and those whose limit is
/// not known because the store failed, never reach the inner service.
///
/// Layers with policies of different names never share a counter, those of the same name (and
/// with limiters of the same prefix and store) do: one layer that is cloned onto several routes
/// is one limit for all of them.
///
/// ```
/// use axum::{Router, http::{StatusCode, request::Parts}, routing::{get, post}};
/// use fastlimit_axum::RateLimitLayer;
/// use fastlimit_core::{Cost, Policy, RateLimiter};
/// # use fastlimit_memory::MemoryStore;
///
/// fn api_key(parts: &Parts) -> Result<String, StatusCode> {
///     let key = parts.headers.get("x-api-key").and_then(|value| value.to_str().ok());
///     key.map(str::to_owned).ok_or(StatusCode::UNAUTHORIZED)
/// }
///
/// fn cost(parts: &Parts) -> Cost {
///     Cost::requests(if parts.headers.contains_key("x-premium") { 10 } else { 1 })
/// }
///
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let users = RateLimitLayer::new(limiter.clone(), Policy::new("users", "100/minute")?);
/// let data = RateLimitLayer::new(limiter.clone(), Policy::new("data", "10/s; 1000/h")?).key(api_key);
/// let expensive = RateLimitLayer::new(limiter, Policy::new("expensive", "100/minute")?).cost(cost);
///
/// let app: Router = Router::new()
///     .route("/api/users", get(|| async { "users" }).layer(users))
///     .route("/api/data", get(|| async { "data" }).layer(data))
///     .route("/api/expensive", post(|| async { "done" }).layer(expensive));
/// # Ok::<(), fastlimit_core::Error>(())
/// ```
///
/// # Around a router
///
/// `Router::layer` limits every request, also those that no route answers;
/// `Router::route_layer` only those that match a route, so a flood of 404s is not limited.
///
/// # What the handler and outer layers see
///
/// The request's extensions hold the [`Decision`](fastlimit_core::Decision) of the nearest
/// layer: take it as `Extension<Decision>`. Where layers are nested, the headers show the
/// stricter of their limits: a denial, else the one with less remaining. An inner layer knows
/// of an outer one by these extensions, so what stands between them passes them on.
///
/// A response's extensions may hold a decision too; it is then the one that the headers show.
/// The response to a denial holds it. So does every other response that shows a limit, if the
/// outermost layer is told to [`attach_decision`](RateLimitLayer::attach_decision). A response
/// that sets `X-RateLimit-Limit` itself holds none.
///
/// A WebSocket or a stream of events is one request here. To limit its messages, call
/// [`RateLimiter::check`] for each.
///
/// # CORS
///
/// Preflights, that is `OPTIONS` requests with the headers `Origin` and
/// `Access-Control-Request-Method`, pass unlimited and uncharged: to a browser a 429 without
/// CORS headers looks as if the network were down. See
/// [`limit_preflights`](RateLimitLayer::limit_preflights). A page may read the headers of a
/// limit if the CORS layer exposes them.
#[derive(Clone)]
#[must_use = "a layer does nothing until a service is wrapped in it"]
pub struct RateLimitLayer {
    config: Arc<Config>,
}

impl RateLimitLayer {
    /// Creates a layer that limits by the client's address, each request at cost 1.
    ///
    /// `policy` is a [`Policy`](fastlimit_core::Policy), or a function that chooses one by the
    /// request, such as by its tier; [`IntoHook`] tells the forms of a function. A policy without
    /// a name of its own makes every request a 500, see [`Rejection::UnnamedPolicy`].
    ///
    /// ```
    /// use axum::http::{StatusCode, request::Parts};
    /// use fastlimit_axum::RateLimitLayer;
    /// use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    ///
    /// let free = Policy::new("free", "10/minute")?;
    /// let premium = Policy::new("premium", "100/minute")?;
    /// let tier_of = move |parts: &Parts| match parts.headers.get("x-tier") {
    ///     None => Ok(free.clone()),
    ///     Some(tier) if tier == "premium" => Ok(premium.clone()),
    ///     Some(_) => Err((StatusCode::BAD_REQUEST, "no such tier")),
    /// };
    /// let layer = RateLimitLayer::new(RateLimiter::new(MemoryStore::new()), tier_of);
    /// # Ok::<(), fastlimit_core::Error>(())
    /// ```
    pub fn new<M>(limiter: RateLimiter, policy: impl IntoPolicyHook<M>) -> Self {
        Self {
            config: Arc::new(Config::new(limiter, policy.into_policy_hook())),
        }
    }

    /// Sets the policy, in place of the one that [`new`](RateLimitLayer::new) was given.
    pub fn policy<M>(self, policy: impl IntoPolicyHook<M>) -> Self {
        self.with(|config| config.set_policy(policy.into_policy_hook()))
    }

    /// Sets who is limited: a user, an API key, an address. A fixed key is one limit for all.
    pub fn key<M>(self, key: impl IntoHook<String, M>) -> Self {
        self.with(|config| config.key = Some(key.into_hook()))
    }

    /// Sets the tenant, `default` otherwise: the same key of another tenant has counters of its
    /// own.
    pub fn tenant<M>(self, tenant: impl IntoHook<String, M>) -> Self {
        self.with(|config| config.tenant = Some(tenant.into_hook()))
    }

    /// Sets what a request costs, one request otherwise. A request that costs nothing is always
    /// allowed.
    pub fn cost<M>(self, cost: impl IntoHook<Cost, M>) -> Self {
        self.with(|config| config.cost = cost.into_hook())
    }

    /// Sets the response to a request that is refused, in place of that of [`Rejection`].
    ///
    /// A response to a denial gets the headers of the limit, unless it sets them itself. The
    /// function is given the request without its body, to answer in the form that the client
    /// accepts.
    ///
    /// ```
    /// use axum::{http::StatusCode, response::{Html, IntoResponse}};
    /// use fastlimit_axum::Rejection;
    /// # use fastlimit_axum::RateLimitLayer;
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("pages", "10/s")?;
    ///
    /// let layer = RateLimitLayer::new(limiter, policy).on_rejection(|parts, rejection| {
    ///     match rejection {
    ///         Rejection::Denied(_) if parts.uri.path().ends_with(".html") => {
    ///             (StatusCode::TOO_MANY_REQUESTS, Html("<h1>Slow down</h1>")).into_response()
    ///         }
    ///         other => other.into_response(),
    ///     }
    /// });
    /// # Ok::<(), fastlimit_core::Error>(())
    /// ```
    pub fn on_rejection<R: IntoResponse>(
        self,
        respond: impl Fn(&Parts, Rejection) -> R + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| {
            config.on_rejection = Some(Arc::new(move |parts, rejection| {
                respond(parts, rejection).into_response()
            }));
        })
    }

    /// Limits CORS preflights like other requests.
    pub fn limit_preflights(self) -> Self {
        self.with(|config| config.preflights = Preflights::Limited)
    }

    /// Puts the decision that the headers show into the extensions of every response that shows
    /// one, for middleware outside, such as an access log.
    ///
    /// It is off unless called, since it costs each request nearly as much as a check. Of nested
    /// layers it is the outermost that matters. The response to a denial has its decision in any
    /// case.
    ///
    /// ```
    /// use axum::{Router, middleware::map_response, response::Response, routing::get};
    /// use fastlimit_core::Decision;
    /// # use fastlimit_axum::RateLimitLayer;
    /// # use fastlimit_core::{Policy, RateLimiter};
    /// # use fastlimit_memory::MemoryStore;
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("users", "100/minute")?;
    ///
    /// async fn log(response: Response) -> Response {
    ///     if let Some(decision) = response.extensions().get::<Decision>() {
    ///         println!("{}, {} left", response.status(), decision.remaining());
    ///     }
    ///     response
    /// }
    ///
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async { "users" }))
    ///     .layer(RateLimitLayer::new(limiter, policy).attach_decision())
    ///     .layer(map_response(log));
    /// # Ok::<(), fastlimit_core::Error>(())
    /// ```
    pub fn attach_decision(self) -> Self {
        self.with(|config| config.attach_decision = true)
    }

    fn with(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Arc::unwrap_or_clone(self.config);
        change(&mut config);
        Self {
            config: Arc::new(config),
        }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> RateLimitService<S> {
        RateLimitService::new(inner, Arc::clone(&self.config))
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config
            .write_fields(&mut f.debug_struct("RateLimitLayer"))
    }
}
