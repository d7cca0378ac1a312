//! The `docker` command line tool.

use std::collections::HashMap;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The image of containers when `FASTLIMIT_TEST_REDIS_IMAGE` is not set.
pub const DEFAULT_IMAGE: &str = "redis:7.4";

/// How long the daemon may take for an order.
const ORDER: Duration = Duration::from_secs(30);

/// How long the daemon may take to pull an image.
const PULL: Duration = Duration::from_secs(180);

/// An image by its name and tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) tag: String,
}

impl Image {
    /// Splits `name:tag`; a colon before the last slash belongs to a registry's port.
    pub(crate) fn parse(text: &str) -> Self {
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, "latest"),
        };
        Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
        }
    }

    fn descriptor(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

/// Makes sure that the daemon answers and has the image, or says why not.
///
/// What is found out is kept for the life of the process: every server of a test asks.
pub(crate) fn obtain(image: &Image) -> Result<(), String> {
    static KNOWN: Mutex<Option<HashMap<String, Result<(), String>>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known
        .get_or_insert_default()
        .entry(image.descriptor())
        .or_insert_with_key(|descriptor| {
            run(&["version", "--format", "{{.Server.Version}}"], ORDER)
                .map_err(|error| format!("the Docker daemon does not answer: {error}"))?;
            if run(&["image", "inspect", descriptor], ORDER).is_ok() {
                return Ok(());
            }
            run(&["pull", "--quiet", descriptor], PULL)
                .map(drop)
                .map_err(|error| {
                    format!("the image {descriptor} is not here and cannot be pulled: {error}")
                })
        })
        .clone()
}

/// Gives the daemon an order and returns what it prints.
pub(crate) fn order(args: &[&str]) -> Result<String, String> {
    run(args, ORDER)
}

/// Returns the last lines that a container printed.
pub(crate) fn log(container: &str) -> String {
    Command::new("docker")
        .args(["logs", "--tail", "40", container])
        .stdin(Stdio::null())
        .output()
        .map(|output| {
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            text.trim_end().to_owned()
        })
        .unwrap_or_default()
}

fn run(args: &[&str], limit: Duration) -> Result<String, String> {
    let mut child = Command::new("docker")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`docker` cannot be run: {error}"))?;
    let printed = child.stdout.take().map(reader);
    let complaint = child.stderr.take().map(reader);
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("`docker {}` takes over {limit:?}", args.join(" ")));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let text = |thread: Option<thread::JoinHandle<String>>| {
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    };
    if status.success() {
        Ok(text(printed).trim().to_owned())
    } else {
        Err(text(complaint).trim().to_owned())
    }
}

/// Reads a pipe to its end, so that a full pipe never holds the tool up.
fn reader(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_told_from_a_port() {
        let parsed = |text| {
            let image = Image::parse(text);
            (image.name, image.tag)
        };
        let pair = |name: &str, tag: &str| (name.to_owned(), tag.to_owned());
        assert_eq!(parsed("redis:7.4"), pair("redis", "7.4"));
        assert_eq!(parsed("valkey/valkey"), pair("valkey/valkey", "latest"));
        assert_eq!(parsed("host:5000/redis"), pair("host:5000/redis", "latest"));
        assert_eq!(parsed("host:5000/redis:8"), pair("host:5000/redis", "8"));
    }
}
