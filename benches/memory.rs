//! One check on the memory store, through the limiter and a policy: by threads, and by how many
//! keys there are.
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

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fastlimit::{MemoryStore, Policy, RateLimiter};

/// The keys of a run, and a policy that none of them exceeds.
struct Load {
    limiter: RateLimiter,
    policy: Policy,
    keys: Vec<String>,
}

impl Load {
    fn new(keys: usize, limit: &str) -> Self {
        let load = Self {
            limiter: RateLimiter::new(MemoryStore::new()),
            policy: Policy::new("bench", limit).expect("a valid policy"),
            keys: (0..keys).map(|key| format!("user:{key}")).collect(),
        };
        load.run(0, keys as u64);
        load
    }

    /// Checks `checks` times, going round the keys from `start` in a fixed, scattered order.
    fn run(&self, start: usize, checks: u64) {
        let mut at = start % self.keys.len();
        for _ in 0..checks {
            // A step that shares no factor with 10,000 visits every key.
            at = (at + 7_919) % self.keys.len();
            let check = self.limiter.check(&self.keys[at], &self.policy);
            let _ = black_box(at_once(check));
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
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the memory store answers at once"),
    }
}

fn check(criterion: &mut Criterion) {
    for (name, limit) in [("allowed", "1_000_000_000/day"), ("denied", "1/day")] {
        let mut group = criterion.benchmark_group(format!("memory/{name}"));
        for threads in [1, 2] {
            group.throughput(Throughput::Elements(threads as u64));
            for keys in [1, 10_000] {
                let load = Load::new(keys, limit);
                let id = BenchmarkId::new(format!("{threads} threads"), format!("{keys} keys"));
                group.bench_function(id, |bencher| {
                    bencher.iter_custom(|checks| load.time(threads, checks));
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, check);
criterion_main!(benches);
