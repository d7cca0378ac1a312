//! ns per check in memory: by keys, and by threads.

mod peers;

use std::hint::black_box;
use std::thread;
use std::time::Instant;

pub(crate) use peers::{Check, at_once, fastlimit, governor};

use crate::keys::{self, APART};
use crate::table;
use crate::turns::{Row, Turns};

const LOADS: [Load; 4] = [
    Load::new("1 thread, one key", 1, 1),
    Load::new("1 thread, 10,000 keys", 1, 10_000),
    Load::new("2 threads, one key", 2, 1),
    Load::new("2 threads, 10,000 keys", 2, 10_000),
];

/// A column.
struct Load {
    name: &'static str,
    threads: usize,
    keys: usize,
}

impl Load {
    const fn new(name: &'static str, threads: usize, keys: usize) -> Self {
        Self {
            name,
            threads,
            keys,
        }
    }
}

/// Measures and prints the section.
pub fn print(turns: Turns) {
    table::heading(
        "In memory",
        "ns per check as its thread sees it, and the ratio to governor of the same column. All \
         checks are allowed, keys are Strings `user:N` in a scattered order. The rows below the \
         limiters decide nothing: they are what the parts of a limiter cost.",
    );
    let all = peers::all();
    let columns: Vec<Vec<String>> = LOADS.iter().map(|load| column(load, &all, turns)).collect();

    table::head(&[&["row"], &LOADS.map(|load| load.name)[..]].concat());
    for (at, (name, _)) in all.iter().enumerate() {
        let cells = columns.iter().map(|column| column[at].as_str());
        table::row(&[*name].into_iter().chain(cells).collect::<Vec<_>>());
    }
    table::end();
}

fn column(load: &Load, all: &[(&'static str, MakeRun)], turns: Turns) -> Vec<String> {
    let keys = keys::users(load.keys);
    let rows: Vec<Row<'_>> = all
        .iter()
        .map(|(_, make)| time(make(&keys), &keys, load.threads))
        .collect();
    let medians = turns.medians(&rows);
    let governor = all.iter().position(|(name, _)| *name == peers::GOVERNOR);
    let governor = medians[governor.expect("governor is among the rows")];
    medians
        .into_iter()
        .map(|ns| format!("{ns:.0} ({:.2})", ns / governor))
        .collect()
}

/// The time in which each of some threads makes so many checks.
fn time(run: Box<dyn Run>, keys: &[String], threads: usize) -> Row<'_> {
    // Every key is there before anything is measured. They come in one order and are asked for
    // in another, else those who copy them would find the copies in a row.
    for key in keys {
        run.run(std::slice::from_ref(key), 0, 1);
    }
    Box::new(move |checks| {
        let run = &*run;
        let started = Instant::now();
        thread::scope(|scope| {
            for thread in 1..threads {
                scope.spawn(move || run.run(keys, thread * APART, checks));
            }
            run.run(keys, 0, checks);
        });
        started.elapsed()
    })
}

/// Makes a row that knows which keys it will be asked about.
type MakeRun = fn(&[String]) -> Box<dyn Run>;

/// A loop of checks, compiled for each peer: a table of calls costs once per turn and not per
/// check.
pub(crate) trait Run: Sync {
    /// Makes so many checks.
    ///
    /// # Panics
    ///
    /// Panics if one is denied.
    fn run(&self, keys: &[String], start: usize, checks: u64);
}

impl<C: Check> Run for C {
    fn run(&self, keys: &[String], start: usize, checks: u64) {
        let mut allowed = true;
        let mut walk = keys::walk(keys, start);
        for _ in 0..checks {
            let key = walk.next().expect("a walk has no end");
            allowed &= black_box(self.check(black_box(key)));
        }
        assert!(allowed, "a check was denied");
    }
}
