//! What is measured in memory, each in a few lines.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use dashmap::DashMap;
use fastlimit::{MemoryStore, Policy, RateLimiter};
use governor::DefaultKeyedRateLimiter;
use limitador::limit::Namespace;
use throttlecrab::{AdaptiveStore, PeriodicStore, ProbabilisticStore};

use super::{MakeRun, Run};
use crate::quota;

pub(super) const GOVERNOR: &str = "governor `check_key`";

/// One check of a key.
pub(crate) trait Check: Sync {
    /// Tells whether the key is allowed.
    // governor looks up by the type of its keys, so a `&str` would be unfair to it.
    #[allow(clippy::ptr_arg, reason = "some peers want the owned type")]
    fn check(&self, key: &String) -> bool;
}

/// The rows, in the order of the table.
pub(super) fn all() -> Vec<(&'static str, MakeRun)> {
    vec![
        ("FastLimit, fixed window", |_| {
            boxed(fastlimit(quota::FIXED_WINDOW))
        }),
        ("FastLimit, token bucket", |_| {
            boxed(fastlimit(quota::TOKEN_BUCKET))
        }),
        (GOVERNOR, |_| boxed(governor())),
        ("limitador, `InMemoryStorage`", |_| boxed(limitador())),
        ("throttlecrab in a mutex, `AdaptiveStore`", |_| {
            boxed(throttlecrab(AdaptiveStore::new()))
        }),
        ("throttlecrab in a mutex, `PeriodicStore`", |_| {
            boxed(throttlecrab(PeriodicStore::new()))
        }),
        ("throttlecrab in a mutex, `ProbabilisticStore`", |_| {
            boxed(throttlecrab(ProbabilisticStore::new()))
        }),
        ("_moka `sync::Cache::get`_", |keys| boxed(moka(keys))),
        ("_DashMap `entry`, clones the key_", |_| {
            boxed(Entry(DashMap::new()))
        }),
        ("_DashMap `get_mut`_", |keys| {
            boxed(GetMut(counters(keys).collect()))
        }),
        ("_`HashMap` look-up, shared and read only_", |keys| {
            boxed(counters(keys).collect::<HashMap<_, _>>())
        }),
        ("_one shared `AtomicU64`_", |_| boxed(AtomicU64::new(0))),
    ]
}

fn boxed(check: impl Check + 'static) -> Box<dyn Run> {
    Box::new(check)
}

fn counters(keys: &[String]) -> impl Iterator<Item = (String, u64)> {
    keys.iter().map(|key| (key.clone(), 0))
}

struct FastLimit {
    limiter: RateLimiter,
    policy: Policy,
}

pub(crate) fn fastlimit(limit: &str) -> impl Check + use<> {
    FastLimit {
        limiter: RateLimiter::new(MemoryStore::new()),
        policy: Policy::new("bench", limit).expect("a valid policy"),
    }
}

impl Check for FastLimit {
    fn check(&self, key: &String) -> bool {
        let decision = at_once(self.limiter.check(key, &self.policy));
        decision.expect("an answer").is_allowed()
    }
}

/// The memory store answers at the first poll.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("what is in memory is there at once"),
    }
}

pub(crate) fn governor() -> impl Check {
    DefaultKeyedRateLimiter::<String>::keyed(quota::governor())
}

impl Check for DefaultKeyedRateLimiter<String> {
    fn check(&self, key: &String) -> bool {
        self.check_key(key).is_ok()
    }
}

struct Limitador {
    limiter: limitador::RateLimiter,
    namespace: Namespace,
}

fn limitador() -> impl Check {
    // Room for more keys than there are, so that none is evicted.
    let limiter = limitador::RateLimiter::new(1_000_000);
    limiter.add_limit(quota::limitador::limit());
    Limitador {
        limiter,
        namespace: quota::limitador::NAMESPACE.into(),
    }
}

impl Check for Limitador {
    fn check(&self, key: &String) -> bool {
        let context = quota::limitador::context(key);
        self.limiter
            .check_rate_limited_and_update(&self.namespace, &context, 1)
            .is_ok_and(|result| !result.limited)
    }
}

/// Takes `&mut self`; its documentation says to put it into a mutex.
struct Throttlecrab<S>(Mutex<throttlecrab::RateLimiter<S>>)
where
    S: throttlecrab::Store;

fn throttlecrab<S: throttlecrab::Store>(store: S) -> Throttlecrab<S> {
    Throttlecrab(Mutex::new(throttlecrab::RateLimiter::new(store)))
}

impl<S: throttlecrab::Store + Send> Check for Throttlecrab<S> {
    fn check(&self, key: &String) -> bool {
        let requests = i64::from(quota::REQUESTS);
        let seconds = quota::PERIOD.as_secs().cast_signed();
        let mut limiter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limiter
            .rate_limit(key, requests, requests, seconds, 1, SystemTime::now())
            .is_ok_and(|(allowed, _)| allowed)
    }
}

fn moka(keys: &[String]) -> impl Check + use<> {
    let cache = moka::sync::Cache::new(1_000_000);
    for (key, counter) in counters(keys) {
        cache.insert(key, counter);
    }
    cache
}

impl Check for moka::sync::Cache<String, u64> {
    fn check(&self, key: &String) -> bool {
        self.get(key).is_some()
    }
}

struct Entry(DashMap<String, u64>);

impl Check for Entry {
    fn check(&self, key: &String) -> bool {
        let mut counter = self.0.entry(key.clone()).or_default();
        *counter += 1;
        *counter <= u64::from(quota::REQUESTS)
    }
}

struct GetMut(DashMap<String, u64>);

impl Check for GetMut {
    fn check(&self, key: &String) -> bool {
        self.0.get_mut(key).is_some_and(|mut counter| {
            *counter += 1;
            *counter <= u64::from(quota::REQUESTS)
        })
    }
}

impl Check for HashMap<String, u64> {
    fn check(&self, key: &String) -> bool {
        self.get(key).is_some()
    }
}

impl Check for AtomicU64 {
    fn check(&self, _: &String) -> bool {
        self.fetch_add(1, Ordering::Relaxed) < u64::MAX
    }
}
