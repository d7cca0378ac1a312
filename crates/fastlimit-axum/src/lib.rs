//! Rate limits for [axum](https://docs.rs/axum) and [tower](https://docs.rs/tower).
//!
//! Most users depend on the package `fastlimit` with its feature `axum`, which re-exports this
//! crate.
//!
//! - [`RateLimitLayer`] limits a route or a whole router, by the client's address or by what
//!   your hooks say.
//! - [`ClientIp`] is a client by its address, also behind proxies; module [`key`] has other keys,
//!   such as a header, a cookie or a user.
//! - [`RateLimited`] is an extractor: it limits the one handler that asks for it, and its
//!   [`Quota`] may look things up in the state.
//! - [`ClientIp`] and [`key`] say who is limited.
//! - [`RateLimitStatus`] is what a handler may take to know how its request stands.
//! - [`Rejection`] is why a request was refused, and the response for it; [`HeaderFamily`] and
//!   [`DenialBody`] are the forms in which responses speak of a limit.
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::{Router, routing::get};
//! use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = RateLimiter::new(MemoryStore::new());
//! let users = RateLimitLayer::new(limiter, Policy::new("users", "100/minute")?);
//! let app = Router::new().route("/api/users", get(|| async { "users" }).layer(users));
//!
//! // The client's address comes from here:
//! let service = app.into_make_service_with_connect_info::<SocketAddr>();
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, service).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Responses
//!
//! | what happened | status | body |
//! | --- | --- | --- |
//! | the request is within its limits, or is not limited | the handler's | the handler's |
//! | it is past a limit | 429 | `{"error":"rate_limit_exceeded","message":…,"retry_after":8,"limit":"100/minute","policy":"users"}` |
//! | it does not hold the value that its limit counts by | 400 | `{"error":"rate_limit_key_missing","message":…}` |
//! | the store does not know | 503 | `{"error":"rate_limiter_unavailable","message":…}` |
//! | the limiter is set up wrongly | 500 | `{"error":"rate_limiter_misconfigured","message":…}` |
//! | a hook refused | the hook's | the hook's |
//!
//! A response that shows a limit has `X-RateLimit-Limit`, `X-RateLimit-Remaining` (rounded down)
//! and `X-RateLimit-Reset` (seconds, rounded up) of the limit that binds, or the
//! [families](HeaderFamily) that the layer is told. A 429 also has `Retry-After` (seconds, rounded
//! up, at least 1), unless waiting never helps; a 503 has it too. A handler that sets a field of a
//! family itself keeps its own, and that family is left out. Bodies are JSON, or
//! `application/problem+json` ([`DenialBody`]).
//!
//! A call of gRPC (`application/grpc`) that is refused gets what its client can read: status 200
//! without a body, `grpc-status` 8 (`RESOURCE_EXHAUSTED`), 3 (`INVALID_ARGUMENT`), 14
//! (`UNAVAILABLE`) or 13 (`INTERNAL`) in place of 429, 400, 503 and 500, a `grpc-message`, and in
//! `grpc-retry-pushback-ms` when to try again, -1 where that never helps.
//!
//! What a client hears of a failure is no more than this; the log has the rest.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "a panic in a test is a failed test"
    )
)]

mod charge;
mod charged;
mod client_ip;
mod denial;
mod denied;
mod extractor;
mod header_name;
mod headers;
mod hook;
pub mod key;
mod layer;
mod outage;
mod quota;
mod rejection;
mod shown;
mod status;
mod style;
mod told;
mod unavailable;

pub use charged::Charged;
pub use client_ip::{ClientAddress, ClientIp, InvalidIpv6Prefix, InvalidNetwork, TrustedProxies};
pub use denial::DenialBody;
pub use denied::Denied;
pub use extractor::RateLimited;
pub use headers::{HeaderFamily, Headers};
pub use hook::{HookAnswer, HookValue, IntoHook, IntoPolicyHook};
pub use layer::{OnStoreError, RateLimitFuture, RateLimitLayer, RateLimitService};
pub use quota::{Quota, QuotaRequest};
pub use rejection::Rejection;
pub use status::RateLimitStatus;
pub use unavailable::Unavailable;
