//! ```console
//! cargo run --release --manifest-path bench-peers/Cargo.toml
//! ```
//!
//! prints every table in Markdown. `--section` takes one alone, `--turn-ms` and `--turns` change
//! how long and how often each row is measured.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use fastlimit_bench_peers::instructions::Counted;
use fastlimit_bench_peers::turns::Turns;
use fastlimit_bench_peers::{Result, footprint, http, instructions, memory, redis_load};

/// Measures FastLimit beside its peers and prints the tables in Markdown.
#[derive(Parser)]
struct Arguments {
    /// Only this section; may be given several times.
    #[arg(long, value_enum)]
    section: Vec<Section>,
    /// How often each row is measured: a figure is the median.
    #[arg(long, default_value = "5")]
    turns: NonZeroUsize,
    /// How long a row's turn is, about. On Redis it is five times that.
    #[arg(long, default_value = "200", value_parser = clap::value_parser!(u64).range(1..))]
    turn_ms: u64,
    #[command(subcommand)]
    row: Option<Row>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// ns per check in memory.
    Memory,
    /// Bytes per key in memory.
    Footprint,
    /// Instructions per check, by valgrind.
    Instructions,
    /// Checks per second on Redis.
    Redis,
    /// ns per request that a layer adds in axum, and requests per second over a socket.
    Http,
}

/// What this program runs itself as.
#[derive(Subcommand)]
enum Row {
    /// Makes the checks whose instructions are counted.
    #[command(hide = true)]
    Checks {
        #[arg(value_enum)]
        peer: Counted,
        keys: usize,
        checks: u64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Row::Checks { peer, keys, checks }) = arguments.row {
        instructions::run(peer, keys, checks);
        return Ok(());
    }
    let asked = |section| arguments.section.is_empty() || arguments.section.contains(&section);
    let turns = Turns {
        count: arguments.turns,
        length: Duration::from_millis(arguments.turn_ms),
    };
    if asked(Section::Memory) {
        memory::print(turns);
    }
    if asked(Section::Footprint) {
        footprint::print(turns)?;
    }
    if asked(Section::Instructions) {
        instructions::print()?;
    }
    if asked(Section::Redis) {
        redis_load::print(turns)?;
    }
    if asked(Section::Http) {
        http::print(turns)?;
    }
    Ok(())
}
