//! Runs all tests on a real Redis.

use std::env;

use crate::docker::Docker;
use crate::{install, local_image, program};

/// The packages whose tests need Redis, and so run on each way to get one.
const NEED_REDIS: [&str; 3] = ["fastlimit-test-redis", "fastlimit-redis", "fastlimit"];

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
    match (ways.path, &ways.image) {
        (true, Some(_)) => {
            all_tests(&environment("path"), arguments)?;
            redis_tests(&environment("docker"), arguments)?;
            println!("xtask: passed with a server from the PATH and with Docker");
        }
        (true, None) => {
            all_tests(&environment("path"), arguments)?;
            println!(
                "xtask: passed with a server from the PATH; Docker did not run, as said above"
            );
        }
        (false, _) => {
            all_tests(&environment("docker"), arguments)?;
            println!("xtask: passed with Docker; no server is on the PATH");
        }
    }
    Ok(())
}

/// The ways to get Redis on this machine; at least one of them is there.
struct Ways {
    path: bool,
    image: Option<String>,
}

impl Ways {
    /// Finds the ways, and opens one by installing or building what is missing.
    fn find() -> Result<Self, String> {
        let ci = env::var("CI").is_ok_and(|value| value == "true");
        let mut server = install::server();
        let docker = Docker::probe();
        if server.is_none() && (ci || !matches!(docker, Docker::Image(_))) {
            println!("xtask: no redis-server or valkey-server on the PATH; installing one");
            server = Some(install::install()?);
        }
        match &server {
            Some(program) => println!("xtask: Redis from the PATH: {}", program.display()),
            None => println!("xtask: Redis from the PATH: none, and Docker does without"),
        }
        let image = match (docker, &server) {
            (Docker::Image(image), _) => Ok(image),
            (Docker::NoImage(reason), Some(server)) => {
                println!("xtask: {reason}");
                println!("xtask: building an image of {}", server.display());
                local_image::obtain(server)
            }
            (Docker::NoImage(reason), None) => Err(reason),
            (Docker::Absent(reason), _) => {
                println!("xtask: Redis by Docker: none: {reason}");
                return Ok(Self {
                    path: server.is_some(),
                    image: None,
                });
            }
        };
        let image = match image {
            Ok(image) => {
                println!("xtask: Redis by Docker: {image}");
                Some(image)
            }
            Err(reason) if ci => {
                return Err(format!("Docker answers and has no image: {reason}"));
            }
            Err(reason) => {
                println!("xtask: Redis by Docker: none: {reason}");
                None
            }
        };
        Ok(Self {
            path: server.is_some(),
            image,
        })
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
    program::run(&mut command)
}
