//! A store of your own, complete: limits in a SQLite file that several processes share.
//!
//! ```console
//! cargo run --example custom_store     # counts down, also from one run to the next
//! cargo test --example custom_store    # proves the store right with the conformance suite
//! ```

mod sqlite_store;

#[cfg(test)]
mod conformance;

use fastlimit::{Policy, RateLimiter, SystemClock};
use sqlite_store::SqliteStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join("fastlimit-custom-store.sqlite3");
    println!("limits are kept in {}", path.display());

    let limiter = RateLimiter::new(SqliteStore::open(&path, SystemClock)?);
    let policy = Policy::new("letters", "5/minute")?;
    for letter in 1..=7 {
        match limiter.check("alice", &policy).await?.into_result() {
            Ok(allowed) => println!(
                "letter {letter}: sent, {} left",
                allowed.decision().remaining()
            ),
            Err(exceeded) => println!("letter {letter}: {exceeded}"),
        }
    }
    Ok(())
}
