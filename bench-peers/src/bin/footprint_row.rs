//! One row of the section on bytes per key: prints the heap's and the resident bytes of one key.

use std::alloc::System;
use std::fs;

use clap::Parser;
use fastlimit_bench_peers::Result;
use fastlimit_bench_peers::footprint::{Holder, KEYS};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Parser)]
struct Arguments {
    #[arg(value_enum)]
    holder: Holder,
}

fn main() -> Result<()> {
    let holder = Arguments::parse().holder;
    let (before, region) = (resident()?, Region::new(ALLOCATOR));
    let mut bring = holder.start();
    for key in 0..KEYS {
        bring(format!("user:{key}"));
    }
    let (change, after) = (region.change(), resident()?);
    let heap = change.bytes_allocated - change.bytes_deallocated;
    let per_key = |bytes: usize| bytes as f64 / KEYS as f64;
    println!("{} {}", per_key(heap), per_key(after - before));
    // What holds the keys lives until here.
    drop(bring);
    Ok(())
}

/// The resident set of this process in bytes.
fn resident() -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("no VmRSS")?.parse::<usize>()? * 1_024)
}
