//! The Redis store of FastLimit: exact limits that any number of processes share.
//!
//! [`RedisStore`] keeps the state of limits in Redis. Each operation is one round trip and one
//! atomic script, decided by the server's own clock: processes with skewed clocks agree, and
//! under any concurrency exactly what a limit allows is admitted. Denied checks write nothing,
//! and every key has a time to live from the command that makes it.
//!
//! Operations that wait at the same moment leave together, in one call of the script, and each
//! gets the answer that it would have got alone: one failing key, a caller who goes away or a
//! script that the server forgot harms no other. Nobody waits for a batch to fill: an operation
//! that finds nothing under way is sent at once, and what comes meanwhile leaves together.
//!
//! ```no_run
//! use fastlimit::{Rate, RateLimiter, RedisStore};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = RateLimiter::new(RedisStore::connect("redis://127.0.0.1/").await?);
//! let decision = limiter.check("user:42", Rate::per_minute(100)?).await?;
//! assert!(decision.is_allowed());
//! # Ok(())
//! # }
//! ```
//!
//! # URLs
//!
//! | URL | connects to |
//! | --- | --- |
//! | `redis://[user[:password]@]host[:port][/database]` | a server by TCP |
//! | `rediss://…` | the same by TLS, with the feature `tls-rustls` |
//! | `redis+unix:///path[?db=…&user=…&pass=…]`, `unix://…` | a Unix socket |
//!
//! Reserved characters of a password are percent-encoded. Passwords appear in no error, event
//! or `Debug` text. The protocol is RESP3, with which a closed connection is noticed at once;
//! `?protocol=resp2` is for servers older than Redis 6 and proxies that do not speak it.
//!
//! # What the server must allow
//!
//! Redis 6.2 or later, or what is compatible with it, scripts included. A user of its own needs
//! no more than this, here with the limiter's default prefix `fl`:
//!
//! ```text
//! ACL SETUSER limiter on >secret resetkeys ~fl:* resetchannels -@all +eval +evalsha +time +mget +get +set +setrange +del
//! ```
//!
//! and `+select` for a database other than 0, `+msetex` where the server has it (Redis 8.4, Valkey
//! 9.1), with which it does less for the same requests. Set `maxmemory-policy noeviction`: a server that
//! evicts keys forgets what was used.
//!
//! # When the server fails
//!
//! A request never waits without bound: for a connection at most the connect timeout, for an
//! answer at most the response timeout, and as long behind the calls that were sent before it.
//! What is known of a request that failed, its
//! [`StoreErrorKind`](fastlimit_core::StoreErrorKind) tells; a request whose fate is unknown is
//! never sent again, so nothing is charged twice. When the server is back, the same store works
//! again.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "a panic in a test is a failed test"
    )
)]

mod batch;
mod builder;
mod connect_error;
#[allow(
    dead_code,
    unused_imports,
    reason = "the store is built on it in the next step of its rebuilding"
)]
mod dial;
mod driver;
mod failure;
mod lanes;
mod lone_call;
mod replay;
mod script;
mod shape;
mod store;
#[cfg(feature = "tls-rustls")]
mod tls;

// Where it was before the dialer; goes with the lanes that name it so.
use dial::endpoint;

/// The client that this store is built on: its errors are the sources of this store's.
pub use redis;

pub use builder::RedisStoreBuilder;
pub use connect_error::{ConnectError, ConnectStage};
pub use store::RedisStore;
