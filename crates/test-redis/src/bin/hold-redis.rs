//! Holds a Redis of the harness until standard input closes.
//!
//! Prints the source and the URL in one line. With `--paused` the server is paused first; with
//! `--shared` it is the one that tests share. With `--cluster` it is a cluster and with
//! `--sentinels` a group with a sentinel, and the line has all of their URLs.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use fastlimit_test_redis::{Error, Instance, Source, TestCluster, TestRedis, TestSentinels};

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
            until_input_closes(redis.source(), &[redis.url()]);
        }
        Some("--cluster") => {
            let cluster = TestCluster::start(2, 1)?;
            let urls: Vec<_> = cluster.nodes().iter().map(|node| node.url()).collect();
            until_input_closes(Source::Path, &urls);
        }
        Some("--sentinels") => {
            let group = TestSentinels::start(1, 1)?;
            let all = group.servers().iter().chain(group.sentinels());
            let urls: Vec<_> = all.map(Instance::url).collect();
            until_input_closes(Source::Path, &urls);
        }
        Some("--paused") => {
            let redis = TestRedis::start()?;
            redis.pause()?;
            until_input_closes(redis.source(), &[redis.url()]);
        }
        _ => {
            let redis = TestRedis::start()?;
            until_input_closes(redis.source(), &[redis.url()]);
        }
    }
    Ok(())
}

fn until_input_closes(source: Source, urls: &[&str]) {
    let mut out = io::stdout();
    let _ = writeln!(out, "{source} {}", urls.join(" "));
    let _ = out.flush();
    let _ = io::stdin().read_to_end(&mut Vec::new());
}
