//! What the server does at most with one check per call: `redis-benchmark` of the store's script.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tokio::process::Command;

use crate::Result;
use crate::keys::{self, KEYS};
use crate::server::Server;
use crate::turn::Turn;

/// The script is private to the store, and read from the same file here.
#[path = "../../crates/fastlimit-redis/src/script.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the bench calls the script and asks nothing else"
)]
mod script;

pub(crate) use script::source;

const REQUESTS: usize = 200_000;

/// Shows the arguments of `EVALSHA` for a check of one key under `1_000_000_000/day`.
pub(crate) fn arguments(identifier: &str, mut show: impl FnMut(&[u8])) {
    let key = keys::key_of(identifier);
    for argument in [script::hash(), "1", &key, "", "0", ""] {
        show(argument.as_bytes());
    }
    show(&shape());
}

/// A check of cost 1 under a fixed window: see the head of the script.
fn shape() -> Vec<u8> {
    let number = &1_000_000_000_000_u64.to_be_bytes()[2..];
    let mut shape = vec![0];
    shape.extend_from_slice(&1_000_u64.to_be_bytes()[2..]);
    shape.extend_from_slice(&[0; 7]);
    shape.push(1);
    shape.extend_from_slice(&86_400_000_u64.to_be_bytes()[3..]);
    shape.extend_from_slice(number);
    shape.extend_from_slice(number);
    shape
}

/// The script with its arguments written into it: `redis-benchmark` sends no bytes that are zero.
fn with_arguments() -> String {
    let escaped: String = shape().iter().map(|byte| format!("\\{byte:03}")).collect();
    format!("local ARGV = {{'', '0', '', '{escaped}'}}\n{}", source())
}

pub(crate) struct Ceiling {
    addr: SocketAddr,
    socket: Option<PathBuf>,
    keys: usize,
}

impl Ceiling {
    pub(crate) fn new(addr: SocketAddr, socket: Option<&Path>, keys: usize) -> Self {
        Self {
            addr,
            socket: socket.map(Path::to_owned),
            keys,
        }
    }

    /// Runs `redis-benchmark` once.
    pub(crate) async fn run(&self, server: &Server) -> Result<Turn> {
        let mut program = Command::new("redis-benchmark");
        match &self.socket {
            Some(socket) => program.arg("-s").arg(socket),
            None => program
                .arg("-h")
                .arg(self.addr.ip().to_string())
                .arg("-p")
                .arg(self.addr.port().to_string()),
        };
        program.args(["-c", "50", "-P", "64", "-q", "-n"]);
        program.arg(REQUESTS.to_string());
        let hash = server.load(&with_arguments()).await?;
        let identifier = if self.keys == 1 {
            keys::identifier(0)
        } else {
            keys::RANDOM.to_owned()
        };
        program
            .arg("-r")
            .arg(KEYS.to_string())
            .args(["EVALSHA", &hash, "1"])
            .arg(keys::key_of(&identifier));
        let cpu = server.cpu_micros().await?;
        let began = Instant::now();
        let output = program.output().await.map_err(|error| {
            format!("redis-benchmark cannot be run ({error}): it comes with Redis")
        })?;
        let elapsed = began.elapsed();
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || text.contains("Error") {
            return Err(format!("redis-benchmark failed: {text}").into());
        }
        let cpu = server.cpu_micros().await? - cpu;
        Ok(Turn::of_ceiling(REQUESTS, elapsed, cpu))
    }
}
