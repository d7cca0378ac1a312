//! Bytes per subject at a million subjects, in the memory store and in Redis.
//!
//! ```console
//! cargo bench --bench footprint
//! ```

use std::alloc::System;
use std::fs;
use std::sync::Arc;

use fastlimit::{MemoryStore, Policy, RateLimiter, RedisStore};
use fastlimit_test_redis::TestRedis;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SUBJECTS: usize = 1_000_000;
const TASKS: usize = 256;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    println!("bytes per subject at {SUBJECTS} subjects `user:N`\n");
    println!("| store | policy | measured by | bytes |");
    println!("| --- | --- | --- | --- |");
    for limits in ["100/hour", "100/second; 1000/minute; 10000/hour"] {
        memory(limits).await?;
        redis(limits).await?;
    }
    Ok(())
}

async fn memory(limits: &str) -> Result<()> {
    let (resident, region) = (resident()?, Region::new(ALLOCATOR));
    let store = MemoryStore::new();
    charge_all(RateLimiter::new(store.clone()), limits).await?;
    let change = region.change();
    let heap = change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated);
    assert_eq!(store.len(), SUBJECTS);
    println!("| memory | {limits} | heap | {} |", heap / SUBJECTS);
    if let (Some(before), Some(after)) = (resident, self::resident()?) {
        let bytes = after.saturating_sub(before) / SUBJECTS;
        println!("| memory | {limits} | resident set | {bytes} |");
    }
    Ok(())
}

async fn redis(limits: &str) -> Result<()> {
    let server = TestRedis::start()?;
    let store = RedisStore::connect(server.url()).await?;
    let mut connection = redis::Client::open(server.url())?
        .get_multiplexed_async_connection()
        .await?;
    // The script and the connections are there before the subjects are.
    let warm = RateLimiter::new(store.clone());
    let _ = warm.check("warm", &Policy::new("warm", limits)?).await?;
    let before = used_memory(&mut connection).await?;
    charge_all(RateLimiter::new(store), limits).await?;
    let bytes = used_memory(&mut connection).await?.saturating_sub(before);
    println!("| Redis | {limits} | used_memory | {} |", bytes / SUBJECTS);
    let usage: usize = redis::cmd("MEMORY")
        .arg("USAGE")
        .arg("fl:users::user:500000")
        .query_async(&mut connection)
        .await?;
    println!("| Redis | {limits} | MEMORY USAGE of one | {usage} |");
    Ok(())
}

/// Charges every subject once.
async fn charge_all(limiter: RateLimiter, limits: &str) -> Result<()> {
    let policy = Arc::new(Policy::new("users", limits)?);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (limiter, policy) = (limiter.clone(), Arc::clone(&policy));
            tokio::spawn(async move {
                for subject in (task..SUBJECTS).step_by(TASKS) {
                    let _ = limiter.check(&format!("user:{subject}"), &*policy).await?;
                }
                Result::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn used_memory(connection: &mut redis::aio::MultiplexedConnection) -> Result<usize> {
    let info: redis::InfoDict = redis::cmd("INFO")
        .arg("memory")
        .query_async(connection)
        .await?;
    info.get("used_memory")
        .ok_or_else(|| "the server does not tell its used_memory".into())
}

/// The resident set of this process in bytes, where the system tells it.
fn resident() -> Result<Option<usize>> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else {
        return Ok(None);
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib
        .map(str::parse::<usize>)
        .transpose()?
        .map(|kib| kib * 1_024))
}
