//! What a check on the memory store costs, through the limiter and a policy, question by question.
//!
//! ```console
//! cargo bench --bench memory
//! ```

#![allow(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastlimit::{Clock, MemoryStore, Policy, RateLimiter, SystemClock};

const ALLOWED: &str = "1_000_000_000/day";
const DENIED: &str = "1/day";

/// The keys of a run, in the order in which they are asked for, and a policy.
struct Load {
    limiter: RateLimiter,
    policy: Policy,
    keys: Vec<String>,
    order: Vec<usize>,
}

impl Load {
    /// Goes round the keys in a fixed, scattered order.
    fn new(store: MemoryStore, keys: usize, limits: &str) -> Self {
        // A step that shares no factor with the number of keys visits every key.
        let order = (0..keys).map(|turn| turn * 7_919 % keys).collect();
        let load = Self {
            limiter: RateLimiter::new(store),
            policy: Policy::new("bench", limits).expect("a valid policy"),
            keys: (0..keys).map(|key| format!("user:{key}")).collect(),
            order,
        };
        load.run(0, keys as u64);
        load
    }

    /// Asks for few keys often and for most of them seldom, as traffic does: the `n`th key as
    /// often as `1 / n`.
    fn zipf(mut self) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let keys = self.keys.len();
        self.order = (0..1 << 20)
            .map(|_| (keys as f64).powf(random.f64()) as usize % keys)
            .collect();
        self
    }

    fn run(&self, start: usize, checks: u64) {
        let mut order = self.order.iter().cycle().skip(start % self.order.len());
        for _ in 0..checks {
            let Some(&key) = order.next() else { return };
            let check = self.limiter.check(&self.keys[key], &self.policy);
            let _ = black_box(&at_once(check));
        }
    }

    /// The time that `threads` take together for `checks` each.
    fn time(&self, threads: usize, checks: u64) -> Duration {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for thread in 1..threads {
                scope.spawn(move || self.run(thread * 1_231, checks));
            }
            self.run(0, checks);
        });
        started.elapsed()
    }
}

/// The memory store answers at the first poll.
#[inline(always)]
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the memory store answers at once"),
    }
}

fn how_many_keys_and_threads(criterion: &mut Criterion) {
    for threads in [1, 2] {
        let mut group = criterion.benchmark_group(format!("memory/{threads} threads"));
        group.throughput(Throughput::Elements(threads as u64));
        for (name, keys, limits) in [
            ("hot key", 1, ALLOWED),
            ("hot key, denied", 1, DENIED),
            ("10,000 keys", 10_000, ALLOWED),
            ("10,000 keys, denied", 10_000, DENIED),
        ] {
            let load = Load::new(MemoryStore::new(), keys, limits);
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|checks| load.time(threads, checks));
            });
        }
        let load = Load::new(MemoryStore::new(), 1_000_000, ALLOWED).zipf();
        group.bench_function("1,000,000 keys, Zipf", |bencher| {
            bencher.iter_custom(|checks| load.time(threads, checks));
        });
        group.finish();
    }
}

fn which_limits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory/limits");
    for (name, limits) in [
        ("fixed window", "1_000_000_000/day"),
        ("sliding window", "1_000_000_000/day sliding-window"),
        ("token bucket", "1_000_000_000/day token-bucket"),
        (
            "three fixed windows",
            "1_000_000_000/second; 1_000_000_000/hour; 1_000_000_000/day",
        ),
    ] {
        let load = Load::new(MemoryStore::new(), 10_000, limits);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|checks| load.time(1, checks));
        });
    }
    group.finish();
}

fn the_price_of_the_clock(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory/clock");
    group.bench_function("SystemClock alone", |bencher| {
        bencher.iter(|| SystemClock.now());
    });
    let precise = || MemoryStore::builder().clock(SystemClock).build();
    for (name, store) in [
        ("a check by the last tick", MemoryStore::new()),
        ("a check by the precise time", precise()),
    ] {
        let load = Load::new(store, 1, ALLOWED);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|checks| load.time(1, checks));
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    how_many_keys_and_threads,
    which_limits,
    the_price_of_the_clock
);
criterion_main!(benches);
