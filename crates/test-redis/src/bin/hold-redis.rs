//! Holds a Redis of the harness until standard input closes.
//!
//! Prints the source and the URL in one line. With `--paused` the server is paused first; with
//! `--shared` it is the one that tests share.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use fastlimit_test_redis::{Error, TestRedis};

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    match hold(argument.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn hold(argument: Option<&str>) -> Result<(), Error> {
    match argument {
        Some("--shared") => {
            let redis = TestRedis::shared()?;
            until_input_closes(&redis);
        }
        Some("--paused") => {
            let redis = TestRedis::start()?;
            redis.pause()?;
            until_input_closes(&redis);
        }
        _ => {
            let redis = TestRedis::start()?;
            until_input_closes(&redis);
        }
    }
    Ok(())
}

fn until_input_closes(redis: &TestRedis) {
    let mut out = io::stdout();
    let _ = writeln!(out, "{} {}", redis.source(), redis.url());
    let _ = out.flush();
    let _ = io::stdin().read_to_end(&mut Vec::new());
}
