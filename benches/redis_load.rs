//! Load on the Redis store: checks per second and how long a check takes, at 1, 64 and 1,000
//! tasks, beside `EVALSHA` of `return 1` on one multiplexed connection in the same run.
//!
//! ```console
//! cargo bench --bench redis_load
//! ```
//!
//! Each pair of rows is measured in turns, and a row is the median of its turns: only the ratio
//! of two rows of one run says something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastlimit::{Policy, RateLimiter, RedisStore};
use fastlimit_test_redis::{TestRedis, unique_prefix};
use hdrhistogram::Histogram;
use redis::aio::MultiplexedConnection;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(1);
const KEYS: usize = 100_000;

/// What one turn measured.
struct Turn {
    per_second: u64,
    p50: Duration,
    p99: Duration,
}

/// What is asked of the server, again and again.
#[derive(Clone)]
enum Call {
    /// One check of a limiter.
    Check {
        limiter: RateLimiter,
        policy: Policy,
        keys: Arc<Vec<String>>,
    },
    /// The least that a script can do.
    ReturnOne {
        connection: MultiplexedConnection,
        sha: String,
    },
}

impl Call {
    async fn once(&mut self, turn: usize) -> Result<()> {
        match self {
            Self::Check {
                limiter,
                policy,
                keys,
            } => {
                let key = &keys[turn.wrapping_mul(7_919) % keys.len()];
                if limiter.check(key, &*policy).await?.is_denied() {
                    return Err("expected every check to be allowed".into());
                }
            }
            Self::ReturnOne { connection, sha } => {
                let mut command = redis::cmd("EVALSHA");
                let _: i64 = command.arg(&*sha).arg(0).query_async(connection).await?;
            }
        }
        Ok(())
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let redis = TestRedis::start()?;
    println!(
        "Redis from: {}; {KEYS} keys or one; medians of {TURNS} turns\n",
        redis.source()
    );

    let store = RedisStore::connect(redis.url()).await?;
    let limiter = RateLimiter::builder(store).prefix(unique_prefix()).build();
    let policy = Policy::new("load", "1_000_000_000/day")?;
    let check = |keys: usize| Call::Check {
        limiter: limiter.clone(),
        policy: policy.clone(),
        keys: Arc::new((0..keys).map(|key| format!("user:{key}")).collect()),
    };

    let client = redis::Client::open(redis.url())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let sha = redis::Script::new("return 1")
        .prepare_invoke()
        .load_async(&mut connection)
        .await?;
    let return_one = Call::ReturnOne { connection, sha };

    println!("| tasks | call | calls/s | p50 | p99 | of `return 1` |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for tasks in [1, 64, 1_000] {
        let calls = [
            ("EVALSHA return 1", return_one.clone()),
            ("check, 100,000 keys", check(KEYS)),
            ("check, one key", check(1)),
        ];
        let mut turns: Vec<Vec<Turn>> = calls.iter().map(|_| Vec::new()).collect();
        for _ in 0..TURNS {
            for (turns, (_, call)) in turns.iter_mut().zip(&calls) {
                turns.push(measure(call, tasks).await?);
            }
        }
        let medians: Vec<Turn> = turns.into_iter().map(median).collect();
        for ((name, _), median) in calls.iter().zip(&medians) {
            println!(
                "| {tasks} | {name} | {} | {:?} | {:?} | {:.2} |",
                median.per_second,
                median.p50,
                median.p99,
                median.per_second as f64 / medians[0].per_second as f64,
            );
        }
    }
    Ok(())
}

/// Lets `tasks` tasks call for one turn.
async fn measure(call: &Call, tasks: usize) -> Result<Turn> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (mut call, stop) = (call.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut times = Histogram::<u64>::new(3)?;
                let mut turn = task * 1_231;
                while !stop.load(Ordering::Relaxed) {
                    let sent = Instant::now();
                    call.once(turn).await?;
                    times.record(u64::try_from(sent.elapsed().as_nanos())?)?;
                    turn += 1;
                }
                Result::Ok(times)
            })
        })
        .collect();
    tokio::time::sleep(TURN).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Histogram::<u64>::new(3)?;
    for task in running {
        times.add(task.await??)?;
    }
    let elapsed = started.elapsed();
    Ok(Turn {
        per_second: (times.len() as f64 / elapsed.as_secs_f64()) as u64,
        p50: Duration::from_nanos(times.value_at_quantile(0.5)),
        p99: Duration::from_nanos(times.value_at_quantile(0.99)),
    })
}

fn median(mut turns: Vec<Turn>) -> Turn {
    turns.sort_by_key(|turn| turn.per_second);
    turns.swap_remove(turns.len() / 2)
}
