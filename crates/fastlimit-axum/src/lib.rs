//! Rate limits for [axum](https://docs.rs/axum) and [tower](https://docs.rs/tower).
//!
//! Most users depend on the package `fastlimit` with its feature `axum`, which re-exports this
//! crate.
//!
//! - [`RateLimitLayer`] limits a route or a whole router, by the client's address or by what
//!   your hooks say.
//! - [`RateLimited`] is an extractor: it limits the one handler that asks for it, and its
//!   [`Quota`] may look things up in the state.
//! - [`Rejection`] is why a request was refused, and the response for it.
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::{Router, routing::get};
//! use fastlimit_axum::RateLimitLayer;
//! use fastlimit_core::{Policy, RateLimiter};
//! use fastlimit_memory::MemoryStore;
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
//! | the request is within its limits | the handler's | the handler's |
//! | it is past a limit | 429 | `{"error":"rate_limit_exceeded","message":…,"retry_after":8,"limit":"100/minute"}` |
//! | the store does not know | 503 | `{"error":"rate_limiter_unavailable","message":…}` |
//! | the limiter is set up wrongly | 500 | `{"error":"rate_limiter_misconfigured","message":…}` |
//! | a hook refused | the hook's | the hook's |
//!
//! The first two carry `X-RateLimit-Limit`, `X-RateLimit-Remaining` (rounded down) and
//! `X-RateLimit-Reset` (seconds, rounded up) of the limit that binds, a 429 also `Retry-After`
//! (seconds, rounded up, at least 1), unless waiting never helps. A handler that sets
//! `X-RateLimit-Limit` itself keeps its own headers.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod charge;
mod client_ip;
mod decimal;
mod denial;
mod extractor;
mod headers;
mod hook;
mod layer;
mod quota;
mod rejection;

pub use client_ip::ClientIp;
pub use extractor::RateLimited;
pub use hook::{HookValue, IntoHook, IntoPolicyHook};
pub use layer::{RateLimitFuture, RateLimitLayer, RateLimitService};
pub use quota::{Quota, QuotaRequest};
pub use rejection::Rejection;
