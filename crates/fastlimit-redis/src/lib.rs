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
//! # Topologies
//!
//! | Redis is | the store is |
//! | --- | --- |
//! | one server | `RedisStore::connect("redis://host/")` |
//! | one server that may be away when the service starts | `RedisStore::builder("redis://host/").connect_lazily()` |
//! | a master that Sentinels watch | `RedisStore::sentinel(["redis://s1:26379/", "redis://s2:26379/"], "mymaster").connect()` |
//! | a Cluster | `RedisStore::cluster(["redis://n1:7000/", "redis://n2:7000/"]).connect()` |
//! | behind TLS | `rediss://` in the URL, and the builder's `ca_certificates` and `client_certificate` where they are needed |
//! | a Unix socket | `RedisStore::connect("unix:///run/redis.sock")` |
//!
//! A store drives its connections by a small thread of its own, so it serves any number of runtimes, and
//! none: whoever asks awaits an answer. What is connected to and is something else, a replica, a Sentinel,
//! a node of a cluster, a plain port for TLS, is told at once with what to write instead.
//!
//! In a Cluster a key is asked of the server that has its slot, and the keys of one slot leave together:
//! keys are spread over all slots, so a server gets a call for nearly every key, and does about a tenth of
//! the checks of one that is not clustered. Where one server is enough, do without a Cluster.
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
//! and `+select` for a database other than 0, `+cluster|slots +asking` in a Cluster, `+msetex` where the server has it (Redis 8.4, Valkey
//! 9.1), with which it does less for the same requests. What is missing is named when the store connects.
//! Set `maxmemory-policy noeviction`: a server that evicts keys forgets what was used. The store warns of
//! another policy where it may see it (`+info`).
//!
//! # What a server forgets
//!
//! A server that restarts without persistence has no counters: each limit may be used once more for each
//! restart. With `appendfsync everysec` it is what was used in the last second or two, and after a failover
//! what the replica had not received. `min-replicas-to-write 1` bounds the second.
//!
//! # When the server fails
//!
//! A request has one [timeout](RedisStoreBuilder::timeout), 500 ms unless it is set, from the moment
//! of asking: waiting, connecting and sending are all in it. How many requests wait is
//! [bounded](RedisStoreBuilder::max_waiting), and one whose caller went away before it was sent is not
//! sent. While the server is known to be away a request fails at once, and the store tries to connect
//! by itself, one attempt at a time, with pauses that grow to half a second.
//!
//! What is known of a request that failed, its
//! [`StoreErrorKind`](fastlimit_core::StoreErrorKind) tells; a request whose fate is unknown is
//! never sent again, so nothing is charged twice.

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
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "a panic in a test is a failed test"
    )
)]

mod batch;
mod builder;
mod cluster;
mod connect_error;
mod dial;
mod failure;
mod first;
mod replay;
mod script;
mod sentinel;
mod server;
mod servers;
mod shape;
mod slot;
mod store;
mod target;
mod thread;

/// The client that this store is built on: its errors are the sources of this store's.
pub use redis;

pub use builder::RedisStoreBuilder;
pub use connect_error::{ConnectError, ConnectStage};
pub use store::RedisStore;
