//! Finds out what Docker on this machine can offer.

use std::process::Command;
use std::time::Duration;

use crate::program;

/// The image when `FASTLIMIT_TEST_REDIS_IMAGE` is not set; the harness has the same default.
const DEFAULT_IMAGE: &str = "redis:7.4";

/// How long the daemon may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// How long it may take to pull an image.
const PULL: Duration = Duration::from_secs(180);

/// What Docker offers.
pub(crate) enum Docker {
    /// The daemon answers and has this image.
    Image(String),
    /// The daemon answers and can get no image, for this reason.
    NoImage(String),
    /// There is no daemon to use, for this reason.
    Absent(String),
}

impl Docker {
    /// Asks the daemon, and has it pull the image if it must.
    pub(crate) fn probe() -> Self {
        if program::find("docker").is_none() {
            return Self::Absent("there is no `docker` on the PATH".to_owned());
        }
        // `docker info` succeeds without a daemon unless the server's part is asked for.
        let info = program::output_within(
            Command::new("docker").args(["info", "--format", "{{.ServerVersion}}"]),
            ANSWER,
        );
        match info {
            Ok(version) if !version.is_empty() => {}
            Ok(_) => return Self::Absent("no Docker daemon answers".to_owned()),
            Err(reason) => return Self::Absent(reason),
        }
        let image = wanted_image();
        if has(&image) {
            return Self::Image(image);
        }
        println!("xtask: pulling {image}");
        match program::output_within(
            Command::new("docker").args(["pull", "--quiet", &image]),
            PULL,
        ) {
            Ok(_) => Self::Image(image),
            Err(reason) => Self::NoImage(reason),
        }
    }
}

/// Whether the daemon has an image.
pub(crate) fn has(image: &str) -> bool {
    program::output_within(
        Command::new("docker").args(["image", "inspect", "--format", "{{.Id}}", image]),
        ANSWER,
    )
    .is_ok()
}

fn wanted_image() -> String {
    std::env::var("FASTLIMIT_TEST_REDIS_IMAGE")
        .ok()
        .filter(|image| !image.is_empty())
        .unwrap_or_else(|| DEFAULT_IMAGE.to_owned())
}
