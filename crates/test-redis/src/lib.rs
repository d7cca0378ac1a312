//! Gives tests and benches a real Redis.
//!
//! Nothing here imitates Redis: a test gets a running server or an error that says how to get one.
//! No test is skipped for want of a server.
//!
//! # Where the server comes from
//!
//! The first of these that is there:
//!
//! 1. the server named by `FASTLIMIT_TEST_REDIS_URL`, which must run already;
//! 2. a container, if a Docker daemon answers and has or can pull the image
//!    `FASTLIMIT_TEST_REDIS_IMAGE` (by default [`DEFAULT_IMAGE`]). The `docker` command line tool
//!    must be on the `PATH`: it stops, pauses and, after a crash, removes containers;
//! 3. the program that `FASTLIMIT_TEST_REDIS_SERVER` names by its path, else a `redis-server` or
//!    `valkey-server` on the `PATH`, on a free loopback port and in a folder of its own.
//!
//! `FASTLIMIT_TEST_REDIS_SOURCE` set to `url`, `docker` or `path` forces one of them; to
//! test on a certain server, force `path` and name its program. `cargo xtask test` makes sure that
//! there is one, and runs the tests on each.
//!
//! # Which server to take
//!
//! * [`TestRedis::shared`] is one server for all the tests that run at the same moment in the
//!   process. They keep apart by [`unique_prefix`], and none of them calls `FLUSHALL`.
//! * [`TestRedis::start`] is a server that belongs to one test, which may stop, restart and pause
//!   it. It is never the server of `FASTLIMIT_TEST_REDIS_URL`, since that belongs to somebody
//!   else: the next source is taken for it.
//! * [`TestRedis::start_tls`] is such a server over TLS, with certificates of its own.
//! * [`TestCluster::start`] is a cluster, and [`TestSentinels::start`] a master with replicas and
//!   sentinels. Their servers can be stopped, restarted and paused one by one.
//!
//! Those with TLS, clusters and sentinels are always processes of the program on this machine, so they need one.
//!
//! A [`FaultProxy`] in front of any of them delays, loses and garbles what passes. A [`Client`]
//! asks a server what a test wants to know, by none of the code under test.
//!
//! All can be called from synchronous code and from inside a tokio runtime. They block the
//! calling thread until the server answers, some 20 ms for a process and less than a second for
//! a container. A cluster takes 2 s, which its masters wait before they serve.
//!
//! No server outlives the process that started it, even if that process is killed: each one has a
//! watchdog, a small `sh` process that ends the server when its standard input closes.
//!
//! ```
//! use fastlimit_test_redis::{TestRedis, unique_prefix};
//!
//! # fn main() -> Result<(), fastlimit_test_redis::Error> {
//! let redis = TestRedis::shared()?;
//! let prefix = unique_prefix();
//! assert!(redis.url().starts_with("redis"));
//! # assert!(!prefix.is_empty());
//! # Ok(())
//! # }
//! ```

mod answer;
mod client;
mod cluster;
mod container;
mod control;
mod docker;
mod error;
mod exclusive;
mod folder;
mod given;
mod info;
mod instance;
mod log;
mod port;
mod prefix;
mod process;
mod proxy;
mod reply;
mod sentinel;
mod server;
mod setup;
mod source;
mod tls;
mod wait;

pub use client::Client;
pub use cluster::{Node, TestCluster};
pub use docker::DEFAULT_IMAGE;
pub use error::Error;
pub use exclusive::ExclusiveRedis;
pub use instance::Instance;
pub use prefix::unique_prefix;
pub use proxy::{Fault, FaultProxy};
pub use reply::Reply;
pub use sentinel::TestSentinels;
pub use server::TestRedis;
pub use source::Source;
pub use tls::TlsRedis;
