//! What the tests stand on.

mod client;
mod failing_store;
mod log;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::request::Parts;
use axum::routing::{MethodRouter, any};
use fastlimit_core::{ManualClock, Policy, RateLimiter, Timestamp};
use fastlimit_memory::MemoryStore;

pub(crate) use client::Answer;
pub(crate) use failing_store::{Asked, Down, DownLater};
pub(crate) use log::Log;
pub(crate) use server::Server;

/// 39.5 s before a minute ends.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_500);

/// A limiter on a fresh memory store, and its clock, which shows [`START`].
pub(crate) fn limiter() -> (RateLimiter, ManualClock) {
    let clock = ManualClock::new(START);
    let store = MemoryStore::builder().clock(clock.clone()).build();
    (RateLimiter::new(store), clock)
}

pub(crate) fn policy(name: &str, limits: &str) -> Policy {
    Policy::new(name, limits).unwrap()
}

pub(crate) fn header(parts: &Parts, name: &str) -> Option<String> {
    let value = parts.headers.get(name)?;
    Some(value.to_str().ok()?.to_owned())
}

/// How often a handler ran.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<AtomicU64>);

impl Calls {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// A route that counts, and answers `ok`.
    pub(crate) fn route(&self) -> MethodRouter {
        let calls = self.clone();
        any(move || async move {
            calls.0.fetch_add(1, Ordering::SeqCst);
            "ok"
        })
    }
}
