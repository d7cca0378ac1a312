//! A limit around a service: a route, a router, or any tower service of HTTP requests.
//!
//! Not to be confused with tower's own `RateLimit`, which makes callers of one service wait:
//! this one tells apart who calls, and refuses instead. A refusal is a response and never the
//! service's error.

mod admission;
mod config;
mod future;
mod on_store_error;
mod questions;
mod service;
mod settlement;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use fastlimit_core::{Cost, KeyedDigest, RateLimiter};
use tower_layer::Layer;

pub use future::RateLimitFuture;
pub use on_store_error::OnStoreError;
pub use service::RateLimitService;

use crate::hook::Hook;
use crate::{Charged, DenialBody, Headers, IntoHook, IntoPolicyHook, QuotaRequest, Rejection};
use config::Config;
use questions::{Questions, Separate, SubjectHooks};

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
/// use fastlimit::{Cost, MemoryStore, Policy, RateLimitLayer, RateLimiter};
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
/// # Ok::<(), fastlimit::Error>(())
/// ```
///
/// # Around a router
///
/// | where the layer stands | what it limits |
/// | --- | --- |
/// | `Router::layer` | every request, also those that no route answers: a 404, a 405, the fallback |
/// | `Router::route_layer` | requests whose path has a route, also a 405; so a flood of 404s is not limited |
/// | `MethodRouter::layer` | requests to this path, also a 405 |
/// | `MethodRouter::route_layer` | requests to this path whose method has a handler |
///
/// Each limits the routes that were added before it, and `HEAD` as it does `GET`. A nested router
/// leaves its 404s to the router around it unless it has a fallback of its own, so a layer inside
/// it does not limit them. Hooks inside it see the path without the prefix; axum's `OriginalUri`
/// has all of it.
///
/// # Streams and upgrades
///
/// A WebSocket, a stream of events or a streaming call of gRPC is one request here, charged when
/// it begins; what is open outlives a denial. The response that begins it shows the limit in its
/// headers, also the 101 of an upgrade; trailers pass as they are, and say nothing of a limit. A
/// denied upgrade is a 429 in the place of that 101. To limit the messages, call
/// [`RateLimiter::check`] for each.
///
/// In tonic's own server a request holds no address where axum's does: give the layer a
/// [`key`](RateLimitLayer::key) that reads tonic's `TcpConnectInfo` from the request's
/// extensions, or serve tonic's `Routes::into_axum_router` with axum.
///
/// # What the handler and outer layers see
///
/// A handler takes a [`RateLimitStatus`](crate::RateLimitStatus), which also says that a request
/// is exempt or could not be checked. The request's extensions hold the
/// [`Decision`](fastlimit_core::Decision) of the nearest layer too, for what wants no more:
/// `Extension<Decision>`.
///
/// Where layers are nested, the headers that show one limit show the strictest: a denial, else the
/// one with less remaining. What an inner layer refuses costs nothing outside: the outer one gives
/// its charge back. They know of one another by the extensions of request and response, so what
/// stands between them passes these on. The same layer twice on the way of one request
/// charges it once, and says so once in the log.
///
/// A response's extensions may hold a decision too; it is then the one that the headers show.
/// The response to a denial holds it. So does every other response that shows a limit, if the
/// outermost layer is told to [`attach_decision`](RateLimitLayer::attach_decision).
///
/// # CORS
///
/// A preflight is an `OPTIONS` request with the headers `Origin` and
/// `Access-Control-Request-Method`. Put the CORS layer outside of this one, and it answers
/// preflights before they get here; a 429 then has its headers as well, without which a browser
/// takes it for a network that is down:
///
/// ```
/// # use axum::{Router, routing::get};
/// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
/// # use tower_http::cors::CorsLayer;
/// # let limiter = RateLimiter::new(MemoryStore::new());
/// # let policy = Policy::new("users", "100/minute")?;
/// let app: Router = Router::new()
///     .route("/api/users", get(|| async { "users" }))
///     .layer(RateLimitLayer::new(limiter, policy))
///     .layer(CorsLayer::permissive()); // the last layer is the outermost
/// # Ok::<(), fastlimit::Error>(())
/// ```
///
/// Where something further in answers preflights, [`exempt_preflights`](RateLimitLayer::exempt_preflights) lets them through: anybody can write those two headers, so
/// whatever answers them must cost next to nothing.
#[doc(alias = "throttle")]
#[doc(alias = "middleware")]
#[derive(Clone)]
#[must_use = "a layer does nothing until a service is wrapped in it"]
pub struct RateLimitLayer {
    config: Arc<Config>,
}

impl RateLimitLayer {
    /// Creates a layer that limits by the client's address, each request at cost 1.
    ///
    /// `policy` is a [`Policy`](fastlimit_core::Policy), or a function that chooses one by the request, such as by its
    /// tier; [`IntoHook`] tells the forms of a function. A policy without a name of its own makes
    /// every request a 500, see [`Rejection::UnnamedPolicy`].
    ///
    /// ```
    /// use axum::http::{StatusCode, request::Parts};
    /// use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
    ///
    /// let free = Policy::new("free", "10/minute")?;
    /// let premium = Policy::new("premium", "100/minute")?;
    /// let tier_of = move |parts: &Parts| match parts.headers.get("x-tier") {
    ///     None => Ok(free.clone()),
    ///     Some(tier) if tier == "premium" => Ok(premium.clone()),
    ///     Some(_) => Err((StatusCode::BAD_REQUEST, "no such tier")),
    /// };
    /// let layer = RateLimitLayer::new(RateLimiter::new(MemoryStore::new()), tier_of);
    /// # Ok::<(), fastlimit::Error>(())
    /// ```
    pub fn new<M>(limiter: RateLimiter, policy: impl IntoPolicyHook<M>) -> Self {
        let questions = Questions::Separate(Separate {
            first: SubjectHooks {
                policy: policy.into_policy_hook(),
                key: None,
                tenant: None,
            },
            also: Vec::new(),
            cost: Hook::fixed(Cost::ONE),
        });
        Self::of(Config::new(limiter, questions))
    }

    /// Creates a layer that asks for everything at once: one function says which policy, key,
    /// tenant and cost a request has, so a database is asked once. It returns a [`QuotaRequest`],
    /// or `None` for a request that is not limited, in the forms of [`IntoHook`].
    ///
    /// ```
    /// use axum::http::{StatusCode, request::Parts};
    /// use fastlimit::{MemoryStore, Policy, QuotaRequest, RateLimitLayer, RateLimiter};
    ///
    /// struct Customer {
    ///     name: String,
    ///     policy: Option<Policy>, // internal customers have none
    /// }
    /// async fn customer_of(api_key: String) -> Result<Customer, StatusCode> {
    ///     // One query.
    /// #   let policy = Policy::new("api", "100/minute").ok();
    /// #   Ok(Customer { name: api_key, policy })
    /// }
    ///
    /// let limiter = RateLimiter::new(MemoryStore::new());
    /// let layer = RateLimitLayer::look_up(limiter, |parts: &Parts| {
    ///     let api_key = parts.headers.get("x-api-key").and_then(|value| value.to_str().ok());
    ///     let api_key = api_key.map(str::to_owned).ok_or(StatusCode::UNAUTHORIZED);
    ///     async move {
    ///         let customer = customer_of(api_key?).await?;
    ///         let limited = customer.policy.map(|policy| QuotaRequest::new(policy).key(customer.name));
    ///         Ok::<_, StatusCode>(limited)
    ///     }
    /// });
    /// ```
    pub fn look_up<M>(limiter: RateLimiter, request: impl IntoHook<QuotaRequest, M>) -> Self {
        Self::of(Config::new(limiter, Questions::LookUp(request.into_hook())))
    }

    /// Sets the policy, in place of the one that [`new`](RateLimitLayer::new) was given.
    pub fn policy<M>(self, policy: impl IntoPolicyHook<M>) -> Self {
        self.ask("policy", |asked| {
            asked.first.policy = policy.into_policy_hook();
        })
    }

    /// Sets who is limited: a user, an API key, an address. A fixed key is one limit for all.
    /// [`key`](mod@crate::key) has the usual ones.
    pub fn key<M>(self, key: impl IntoHook<String, M>) -> Self {
        self.ask("key", |asked| asked.first.key = Some(key.into_hook()))
    }

    /// Sets the tenant, `default` otherwise: the same key of another tenant has counters of its
    /// own.
    pub fn tenant<M>(self, tenant: impl IntoHook<String, M>) -> Self {
        self.ask("tenant", |asked| {
            asked.first.tenant = Some(tenant.into_hook());
        })
    }

    /// Sets what a request costs, one request otherwise. A request that costs nothing is not
    /// limited: no store is asked, no header is written.
    pub fn cost<M>(self, cost: impl IntoHook<Cost, M>) -> Self {
        self.ask("cost", |asked| asked.cost = cost.into_hook())
    }

    /// Charges the request to another subject as well: to all or to none. A client that is over
    /// its own limit then takes nothing from the quota of all. A subject whose policy or key is
    /// `None` is not charged; the others are.
    ///
    /// Nested layers promise the same: an outer one gives back what it charged for a request that
    /// an inner one refuses. Here all leave together, which on Redis is one trip for two. See
    /// [`RateLimiter::all`] for what is promised.
    ///
    /// ```
    /// use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
    ///
    /// let limiter = RateLimiter::new(MemoryStore::new());
    /// let per_client = Policy::new("per-client", "100/minute")?;
    /// let overall = Policy::new("overall", "10_000/minute")?;
    /// let layer = RateLimitLayer::new(limiter, per_client).also(overall, "everybody");
    /// # Ok::<(), fastlimit::Error>(())
    /// ```
    pub fn also<M, N>(self, policy: impl IntoPolicyHook<M>, key: impl IntoHook<String, N>) -> Self {
        self.ask("also", |asked| {
            asked.also.push(SubjectHooks {
                policy: policy.into_policy_hook(),
                key: Some(key.into_hook()),
                tenant: None,
            });
        })
    }

    /// Lets requests pass that a predicate names, such as health checks: no store is asked, no
    /// header is written, and they are served while the store is down.
    ///
    /// ```
    /// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("all", "100/minute")?;
    /// let layer = RateLimitLayer::new(limiter, policy)
    ///     .skip(|parts| parts.uri.path() == "/healthz");
    /// # Ok::<(), fastlimit::Error>(())
    /// ```
    pub fn skip(self, predicate: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.skip = Some(Arc::new(predicate)))
    }

    /// Lets CORS preflights pass; see [the order of layers](#cors) for why nobody should need it.
    pub fn exempt_preflights(self) -> Self {
        self.with(|config| config.exempts_preflights = true)
    }

    /// Charges only requests whose response the predicate counts, such as failed logins.
    ///
    /// A request is charged before it reaches the handler, and what it was charged is given back
    /// if its response does not count: so fifty guesses at the same moment do not pass a limit of
    /// three. If the handler panics, or the client hangs up, it stays charged.
    ///
    /// The predicate sees the response's head. That of a gRPC call says nothing of how the call
    /// ended: its status is in the trailers.
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("failed-logins", "3/hour")?;
    ///
    /// let layer = RateLimitLayer::new(limiter, policy)
    ///     .count_if(|response| response.status() == StatusCode::UNAUTHORIZED);
    /// # Ok::<(), fastlimit::Error>(())
    /// ```
    pub fn count_if(self, counts: impl Fn(&Response) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.settlement.counts = Some(Arc::new(counts)))
    }

    /// Sets what a request costs once its response is known, such as its bytes or tokens. Before
    /// that it is charged the [`cost`](RateLimitLayer::cost), as an estimate; what is missing is
    /// charged even past the limit, and denies the next requests. Of several subjects, those are
    /// corrected that were charged as much as the first.
    ///
    /// A client that hangs up before the response has paid the estimate alone, and an estimate of
    /// nothing lets everybody pass: take one that most requests stay below.
    ///
    /// The response's body is not there to be read. What the handler knows of the cost, it leaves
    /// in a header or in the response's extensions.
    ///
    /// ```
    /// use fastlimit::Cost;
    /// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("tokens", "10_000/minute token-bucket")?;
    ///
    /// #[derive(Clone)]
    /// struct Tokens(u64); // the handler returns `(Extension(Tokens(n)), body)`
    ///
    /// let estimate = Cost::requests(500);
    /// let layer = RateLimitLayer::new(limiter, policy).cost(estimate).cost_after(move |response| {
    ///     match response.extensions().get() {
    ///         Some(Tokens(tokens)) => Cost::requests(*tokens),
    ///         None => estimate,
    ///     }
    /// });
    /// # Ok::<(), fastlimit::Error>(())
    /// ```
    pub fn cost_after(self, cost: impl Fn(&Response) -> Cost + Send + Sync + 'static) -> Self {
        self.with(|config| config.settlement.cost = Some(Arc::new(cost)))
    }

    /// Sets what becomes of a request that the store has no answer for. The log says when that
    /// begins, once a second how often it happened, and when it is over.
    ///
    /// It matters for what no subject of the request refused with certainty as well: of several
    /// subjects, one that the store has no answer for leaves the whole unknown.
    pub fn on_store_error(self, on_store_error: OnStoreError) -> Self {
        self.with(|config| config.on_store_error = on_store_error)
    }

    /// Decides and refuses nothing, to try a limit out: what it decided stands in the request's
    /// [`RateLimitStatus`](crate::RateLimitStatus), goes to
    /// [`on_decision`](RateLimitLayer::on_decision), and a denial to the log, at the level
    /// `DEBUG`. Responses show the limit only if [`headers`](RateLimitLayer::headers) says so.
    pub fn dry_run(self) -> Self {
        self.with(|config| config.is_dry_run = true)
    }

    /// Hands each decision to a function, for metrics: of a request that passes each subject's, of
    /// one that is refused those that refused it.
    ///
    /// ```
    /// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// # let policy = Policy::new("users", "100/minute")?;
    /// let layer = RateLimitLayer::new(limiter, policy).dry_run().on_decision(|charged| {
    ///     if charged.decision().is_denied() {
    ///         println!("{} would refuse", charged.policy().name());
    ///     }
    /// });
    /// # Ok::<(), fastlimit::Error>(())
    /// ```
    pub fn on_decision(self, on_decision: impl Fn(&Charged) + Send + Sync + 'static) -> Self {
        self.with(|config| config.on_decision = Some(Arc::new(on_decision)))
    }

    /// Sets which header fields show the limit: one family, several, or
    /// [none](Headers::none).
    pub fn headers(self, headers: impl Into<Headers>) -> Self {
        self.with(|config| config.headers = Some(headers.into()))
    }

    /// Adds the partition key `pk` to the fields of draft 11: which of a client's quotas they
    /// speak of. It is the digest of the request's key under a secret of yours, so that it tells
    /// nobody who that is.
    pub fn partition_key(self, digest: KeyedDigest) -> Self {
        self.with(|config| config.partition_key = Some(Arc::new(digest)))
    }

    /// Sets the body of refusals.
    pub fn denial_body(self, body: DenialBody) -> Self {
        self.with(|config| config.body = body)
    }

    /// Makes `Retry-After` longer by chance, by whole seconds up to `most` and never shorter, so
    /// that clients who were refused together do not come back together.
    pub fn retry_jitter(self, most: Duration) -> Self {
        self.with(|config| config.jitter = most)
    }

    /// Sets the response to a request that is refused, in place of that of [`Rejection`]. What it
    /// hands on by `into_response` looks as the layer says, if it is a denial or a failure of the
    /// store.
    ///
    /// A response to a denial gets the headers of the limit, unless it sets them itself. The
    /// function is given the request without its body, to answer in the form that the client
    /// accepts.
    ///
    /// ```
    /// use axum::{http::StatusCode, response::{Html, IntoResponse}};
    /// use fastlimit::Rejection;
    /// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
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
    /// # Ok::<(), fastlimit::Error>(())
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

    /// Puts the decision that the headers show into the extensions of every response that shows
    /// one, for middleware outside, such as an access log.
    ///
    /// It is off unless called, since it costs each request nearly as much as a check. Of nested
    /// layers it is the outermost that matters. The response to a denial has its decision in any
    /// case.
    ///
    /// ```
    /// use axum::{Router, middleware::map_response, response::Response, routing::get};
    /// use fastlimit::Decision;
    /// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
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
    /// # Ok::<(), fastlimit::Error>(())
    /// ```
    pub fn attach_decision(self) -> Self {
        self.with(|config| config.attach_decision = true)
    }

    fn of(config: Config) -> Self {
        Self {
            config: Arc::new(config),
        }
    }

    fn ask(self, hook: &str, change: impl FnOnce(&mut Separate)) -> Self {
        self.with(|config| match &mut config.questions {
            Questions::Separate(separate) => change(separate),
            Questions::LookUp(_) => tracing::error!(
                hook,
                "a layer that looks everything up does not ask this hook; its look-up answers it"
            ),
        })
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
        self.config.report();
        RateLimitService::new(inner, Arc::clone(&self.config))
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config
            .write_fields(&mut f.debug_struct("RateLimitLayer"))
    }
}
