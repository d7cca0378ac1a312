//! Runs all tests on a real Redis.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::docker::Docker;
use crate::install::Program;
use crate::msetex::Msetex;
use crate::{install, local_image, program};

/// The packages besides the store whose tests need Redis, and so run on each way to get one.
const NEED_REDIS: [&str; 2] = ["fastlimit-test-redis", "fastlimit"];

/// Makes Redis available and runs the tests on each way that there is.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    if env::var_os("FASTLIMIT_TEST_REDIS_URL").is_some_and(|url| !url.is_empty()) {
        println!("xtask: Redis by URL: FASTLIMIT_TEST_REDIS_URL is set; the other ways do not run");
        return all_tests(&[], arguments);
    }
    let ways = Ways::find()?;
    let image = ways
        .image
        .iter()
        .map(|image| ("FASTLIMIT_TEST_REDIS_IMAGE", image.as_str()));
    let environment = |source| -> Vec<_> {
        image
            .clone()
            .chain([("FASTLIMIT_TEST_REDIS_SOURCE", source)])
            .collect()
    };
    let mut remarks = String::new();
    all_tests(&environment("path"), arguments)?;
    let mut passed = vec!["with a server from the PATH".to_owned()];
    if ways.image.is_some() {
        redis_tests(&environment("docker"), arguments)?;
        passed.push("with Docker".to_owned());
    } else {
        remarks.push_str("; Docker did not run, as said above");
    }
    match &ways.msetex {
        Msetex::Server(server, version) => {
            tests_on(server, arguments)?;
            passed.push(format!("with {version}, which has MSETEX"));
        }
        Msetex::Known(version) => {
            remarks.push_str(&format!("; that server is {version}, which has MSETEX"));
        }
        Msetex::Absent(_) => remarks.push_str("; MSETEX was not used, as said above"),
    }
    println!("xtask: passed {}{remarks}", passed.join(" and "));
    Ok(())
}

/// The ways to get Redis on this machine besides a program, which is always there.
struct Ways {
    image: Option<String>,
    msetex: Msetex,
}

impl Ways {
    /// Finds the ways, and installs or builds what is missing.
    fn find() -> Result<Self, String> {
        let ci = env::var("CI").is_ok_and(|value| value == "true");
        // Clusters, sentinels and servers with TLS are started from a program, Docker or not.
        let server = match install::server() {
            Some(server) => server,
            None => {
                println!("xtask: no redis-server or valkey-server on the PATH; installing one");
                Program::Redis.install()?
            }
        };
        println!("xtask: Redis from the PATH: {}", server.display());
        let image = image(Docker::probe(), &server, ci)?;
        match &image {
            Ok(image) => println!("xtask: Redis by Docker: {image}"),
            Err(reason) => println!("xtask: Redis by Docker: none: {reason}"),
        }
        let msetex = Msetex::find(&server, ci)
            .map_err(|reason| format!("there is no server with MSETEX: {reason}"))?;
        match &msetex {
            Msetex::Server(server, version) => {
                println!("xtask: Redis with MSETEX: {version}: {}", server.display());
            }
            Msetex::Known(version) => println!("xtask: Redis with MSETEX: {version}, as above"),
            Msetex::Absent(reason) => println!("xtask: Redis with MSETEX: none: {reason}"),
        }
        Ok(Self {
            image: image.ok(),
            msetex,
        })
    }
}

/// Finds or builds the image for containers, or says why there is none; without one where there
/// must be one, it fails.
fn image(docker: Docker, server: &Path, is_needed: bool) -> Result<Result<String, String>, String> {
    let image = match docker {
        Docker::Image(image) => Ok(image),
        Docker::NoImage(reason) => {
            println!("xtask: {reason}");
            println!("xtask: building an image of {}", server.display());
            local_image::obtain(server)
        }
        Docker::Absent(reason) => return Ok(Err(reason)),
    };
    match image {
        Err(reason) if is_needed => Err(format!("Docker answers and has no image: {reason}")),
        image => Ok(image),
    }
}

fn all_tests(environment: &[(&str, &str)], arguments: &[&str]) -> Result<(), String> {
    let mut command = program::cargo();
    command
        .args(["test", "--workspace", "--all-features"])
        .args(arguments)
        .envs(environment.iter().copied());
    program::run(&mut command)
}

fn redis_tests(environment: &[(&str, &str)], arguments: &[&str]) -> Result<(), String> {
    let mut command = program::cargo();
    command.arg("test");
    for package in NEED_REDIS {
        command.args(["--package", package]);
    }
    command
        .args(["--all-features", "--tests"])
        .args(arguments)
        .envs(environment.iter().copied());
    program::run(&mut command)?;
    let mut command = store_tests();
    command
        .arg("--all-features")
        .args(arguments)
        .envs(environment.iter().copied());
    program::run(&mut command)
}

/// The tests of the store but for those of all topologies: clusters, Sentinels and servers with TLS are
/// always programs of this machine.
fn store_tests() -> Command {
    let mut command = program::cargo();
    command.args(["test", "--package", "fastlimit-redis"]);
    command.args(["--lib", "--test", "redis", "--test", "conformance"]);
    command
}

/// Runs the tests of the store on a server that is named, without the feature for TLS: a server may be
/// built without it.
fn tests_on(server: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = store_tests();
    command
        .args(arguments)
        .env("FASTLIMIT_TEST_REDIS_SERVER", server)
        .env("FASTLIMIT_TEST_REDIS_SOURCE", "path");
    program::run(&mut command)
}
