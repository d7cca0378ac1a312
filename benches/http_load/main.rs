//! Load over sockets: requests per second of an axum application, with the layer and without.
//!
//! ```console
//! apt-get install wrk
//! cargo bench --bench http_load
//! ```
//!
//! Each application is served by one thread and asked by `wrk` in turns, and a row is the median of
//! its turns: only the ratio of two rows of one run says something. The kernel's part of a request
//! hides much of the layer's, which `layer` measures alone. Headers that are always the same and no
//! limit are about as near to bare as a layer with three headers comes.

mod three_headers;
mod wrk;

use std::error::Error;

use axum::Router;
use axum::routing::get;
use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const TURNS: usize = 31;

fn main() -> Result<()> {
    if !wrk::is_there() {
        println!("This bench is driven by `wrk`, which is not on the PATH: apt-get install wrk");
        return Ok(());
    }
    println!(
        "wrk -t1 -c{}, {} s a turn; medians of {TURNS} turns\n",
        wrk::CONNECTIONS,
        wrk::TURN
    );
    let limiter = RateLimiter::new(MemoryStore::new());
    let limit = |name: &str, limits: &str| -> Result<_> {
        let policy = Policy::new(name, limits)?;
        Ok(RateLimitLayer::new(limiter.clone(), policy))
    };
    let bare = || Router::new().route("/", get(|| async { "ok" }));
    let mut rows = [
        ("bare", bare(), Vec::new()),
        (
            "the same three headers, no limit",
            three_headers::around(bare()),
            Vec::new(),
        ),
        (
            "with the layer",
            bare().layer(limit("wide", "1_000_000_000/day")?),
            Vec::new(),
        ),
        (
            "all denied",
            bare().layer(limit("none", "0/day")?),
            Vec::new(),
        ),
    ];
    for turn in 0..TURNS {
        // Another one begins each turn.
        let first = turn % rows.len();
        for at in (first..rows.len()).chain(0..first) {
            let (_, app, rates) = &mut rows[at];
            rates.push(wrk::requests_per_second(app.clone())?);
        }
    }

    println!("| application | requests/s | of bare |");
    println!("| --- | --- | --- |");
    let mut bare = None;
    for (name, _, mut rates) in rows {
        rates.sort_by(f64::total_cmp);
        let median = rates[TURNS / 2];
        let ratio = median / *bare.get_or_insert(median);
        println!("| {name} | {median:.0} | {ratio:.3} |");
    }
    Ok(())
}
