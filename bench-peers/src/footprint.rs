//! Bytes per key in memory.
//!
//! Each row is a process of its own, of a program of its own: its allocator counts, which would
//! cost the other sections something.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;
use dashmap::DashMap;

use crate::memory::{self, Check};
use crate::turns::{Turns, median};
use crate::{Result, quota, table};

/// How many keys there are.
pub const KEYS: usize = 1_000_000;

/// The program that measures a row.
const PROGRAM: &str = "footprint_row";

/// A row.
#[derive(Clone, Copy, ValueEnum)]
pub enum Holder {
    FixedWindow,
    TokenBucket,
    Governor,
    DashMap,
    HashMap,
}

impl Holder {
    fn title(self) -> &'static str {
        match self {
            Self::FixedWindow => "FastLimit, fixed window",
            Self::TokenBucket => "FastLimit, token bucket",
            Self::Governor => "governor",
            Self::DashMap => "_`DashMap<String, (u64, u64)>`_",
            Self::HashMap => "_`HashMap<String, (u64, u64)>`_",
        }
    }

    /// Starts empty; each call brings one key in.
    #[must_use]
    pub fn start(self) -> Box<dyn FnMut(String)> {
        match self {
            Self::FixedWindow => checks(memory::fastlimit(quota::FIXED_WINDOW)),
            Self::TokenBucket => checks(memory::fastlimit(quota::TOKEN_BUCKET)),
            Self::Governor => checks(memory::governor()),
            Self::DashMap => {
                let map = DashMap::new();
                Box::new(move |key| {
                    let _ = map.insert(key, (0_u64, 0_u64));
                })
            }
            Self::HashMap => {
                let mut map = HashMap::new();
                Box::new(move |key| {
                    let _ = map.insert(key, (0_u64, 0_u64));
                })
            }
        }
    }
}

fn checks(peer: impl Check + 'static) -> Box<dyn FnMut(String)> {
    Box::new(move |key| assert!(peer.check(&key), "a check was denied"))
}

/// Measures and prints the section.
///
/// # Errors
///
/// Fails when the program of a row cannot be built or run.
pub fn print(turns: Turns) -> Result<()> {
    table::heading(
        "Bytes per key",
        "At 1,000,000 keys `user:N`, key included: what was asked of the allocator (heap), and by \
         how much the process grew (resident).",
    );
    let program = build()?;
    let holders = Holder::value_variants();
    let mut bytes = vec![(Vec::new(), Vec::new()); holders.len()];
    for _ in 0..turns.count.get() {
        for (&holder, (heap, resident)) in holders.iter().zip(&mut bytes) {
            let row = measure(&program, holder)?;
            heap.push(row.0);
            resident.push(row.1);
        }
    }
    table::head(&["row", "heap", "resident"]);
    for (&holder, (heap, resident)) in holders.iter().zip(bytes) {
        let [heap, resident] = [heap, resident].map(|bytes| format!("{:.0}", median(bytes)));
        table::row(&[holder.title(), &heap, &resident]);
    }
    table::end();
    Ok(())
}

/// Builds the program of a row beside this one: `cargo run` built this one alone.
fn build() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let folder = this.parent().ok_or("this program lies in no folder")?;
    let target = folder.parent().unwrap_or(folder);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "--bin", PROGRAM])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .status()?;
    if !built.success() {
        return Err(format!("{PROGRAM} does not build").into());
    }
    Ok(target.join("release").join(PROGRAM))
}

fn measure(program: &Path, holder: Holder) -> Result<(f64, f64)> {
    let value = holder.to_possible_value().ok_or("a row without a name")?;
    let output = Command::new(program)
        .arg(value.get_name())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{PROGRAM} failed").into());
    }
    let printed = String::from_utf8(output.stdout)?;
    let (heap, resident) = printed
        .trim()
        .split_once(' ')
        .ok_or("a row prints two numbers")?;
    Ok((heap.parse()?, resident.parse()?))
}
