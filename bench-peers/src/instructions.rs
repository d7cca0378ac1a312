//! Instructions per check, by valgrind: no noise, so a small change shows and one turn suffices.

use std::env;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use crate::memory::{Run, fastlimit, governor};
use crate::{Result, keys, quota, table};

/// N: what N checks cost is the difference between 2N and N, without the start.
const CHECKS: u64 = 20_000;

/// Counts in the loops alone: governor's clock calibrates itself for as long as that takes.
const LOOPS_ALONE: &str = "--toggle-collect=*memory::Run*";

/// A row.
#[derive(Clone, Copy, ValueEnum)]
pub enum Counted {
    FixedWindow,
    TokenBucket,
    Governor,
}

impl Counted {
    fn title(self) -> &'static str {
        match self {
            Self::FixedWindow => "FastLimit, fixed window",
            Self::TokenBucket => "FastLimit, token bucket",
            Self::Governor => "governor `check_key`",
        }
    }
}

/// Makes the checks that are counted.
pub fn run(peer: Counted, keys: usize, checks: u64) {
    let run: Box<dyn Run> = match peer {
        Counted::FixedWindow => Box::new(fastlimit(quota::FIXED_WINDOW)),
        Counted::TokenBucket => Box::new(fastlimit(quota::TOKEN_BUCKET)),
        Counted::Governor => Box::new(governor()),
    };
    let keys = keys::users(keys);
    run.run(&keys, 0, keys.len() as u64);
    run.run(&keys, 0, checks);
}

/// Counts and prints the section, or says how to get valgrind.
///
/// # Errors
///
/// Fails when valgrind does, or prints no count.
pub fn print() -> Result<()> {
    table::heading(
        "Instructions per check",
        "By `valgrind --tool=callgrind`, one thread. Reading the system's clock is a system call \
         under valgrind, whose inside is not counted.",
    );
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        println!("Left out: there is no `valgrind` on the PATH (`apt-get install valgrind`).\n");
        return Ok(());
    }
    table::head(&["row", "one key", "10,000 keys"]);
    for &peer in Counted::value_variants() {
        let [one, many] = [1, 10_000].map(|keys| per_check(peer, keys));
        table::row(&[peer.title(), &one?, &many?]);
    }
    table::end();
    Ok(())
}

fn per_check(peer: Counted, keys: usize) -> Result<String> {
    let (once, twice) = (count(peer, keys, CHECKS)?, count(peer, keys, 2 * CHECKS)?);
    Ok(format!("{:.0}", (twice - once) / CHECKS as f64))
}

/// Counts the instructions of this program making so many checks.
fn count(peer: Counted, keys: usize, checks: u64) -> Result<f64> {
    let value = peer.to_possible_value().ok_or("a row without a name")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(LOOPS_ALONE)
        .arg(env::current_exe()?)
        .args(["checks", value.get_name()])
        .args([keys.to_string(), checks.to_string()])
        .stdout(Stdio::null())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind failed: {printed}").into());
    }
    let collected = printed
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, count) = collected.ok_or("valgrind prints what it collected")?;
    Ok(count.trim().parse()?)
}
