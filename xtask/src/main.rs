//! Tasks of this workspace, run as `cargo xtask <task>`.

use std::env;
use std::process::ExitCode;

mod check_lua;
mod check_packages;
mod core_deps;
mod docker;
mod install;
mod local_image;
mod msetex;
mod package;
mod program;
mod test;
mod wheel;

const USAGE: &str = "\
Tasks of this workspace.

Usage: cargo xtask <task>

Tasks:
  test [-- <arguments>]  Makes a real Redis available, installing or building what is missing, and
                         runs all tests on it; those that need Redis run on a server from the PATH
                         and in a container, where there are both, and those of the Redis store
                         once more on a server that has MSETEX. The arguments go to each
                         `cargo test`.
  check-core-deps        Fails if fastlimit-core depends on a runtime, a server or a Redis client.
  check-lua              Fails if a file of the Redis script is no program by itself; installs a
                         Lua compiler where there is none.
  check-packages         Packs what is published, and fails if a package lacks its README or licence,
                         or if a snippet of its README or recipes fails, or warns, in a new crate
                         that depends on the packed files.

Environment of `test`:
  FASTLIMIT_TEST_REDIS_URL     A running Redis to test on, instead of all others.
  FASTLIMIT_TEST_REDIS_IMAGE   The image for containers, as name:tag.
  FASTLIMIT_TEST_REDIS_SERVER  The program of a server, instead of one on the PATH.
  CI                           With `true`, a server is installed even where Docker would do, a
                               Docker daemon that answers must be used, and a server with MSETEX
                               that can be had must be.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        [] | ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        ["test"] => test::run(&[]),
        ["test", "--", rest @ ..] => test::run(rest),
        ["check-core-deps"] => core_deps::run(),
        ["check-lua"] => check_lua::run(),
        ["check-packages"] => check_packages::run(),
        _ => Err(format!(
            "unknown: cargo xtask {}\n\n{USAGE}",
            words.join(" ")
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
