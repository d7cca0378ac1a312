//! Load over sockets: requests per second of an axum application, with the layer and without.
//!
//! ```console
//! apt-get install wrk
//! cargo bench --bench http_load
//! ```
//!
//! Each application is served by a thread of its own and asked by `wrk` in turns, and a row is
//! the median of its turns: only the ratio of two rows of one run says something. The kernel's
//! part of a request hides much of the layer's, which `layer` measures alone.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;

use axum::Router;
use axum::routing::get;
use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const TURNS: usize = 5;
/// In seconds, as `wrk` wants it.
const TURN: u32 = 2;
const CONNECTIONS: u32 = 64;

fn main() -> Result<()> {
    let found = Command::new("wrk")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        println!("This bench is driven by `wrk`, which is not on the PATH: apt-get install wrk");
        return Ok(());
    }
    println!("wrk -t1 -c{CONNECTIONS}, {TURN} s a turn; medians of {TURNS} turns\n");

    let limiter = RateLimiter::new(MemoryStore::new());
    let limit = |name: &str, limits: &str| -> Result<_> {
        let policy = Policy::new(name, limits)?;
        Ok(RateLimitLayer::new(limiter.clone(), policy))
    };
    let bare = || Router::new().route("/", get(|| async { "ok" }));
    let apps = [
        ("bare", bare()),
        (
            "with the layer",
            bare().layer(limit("wide", "1_000_000_000/day")?),
        ),
        ("all denied", bare().layer(limit("none", "0/day")?)),
    ];
    let mut served = Vec::new();
    for (name, app) in apps {
        served.push((name, serve(app)?, Vec::new()));
    }
    for _ in 0..TURNS {
        for (_, address, turns) in &mut served {
            turns.push(requests_per_second(*address)?);
        }
    }

    println!("| application | requests/s | of bare |");
    println!("| --- | --- | --- |");
    let mut bare = None;
    for (name, _, mut turns) in served {
        turns.sort_by(f64::total_cmp);
        let median = turns[TURNS / 2];
        let ratio = median / *bare.get_or_insert(median);
        println!("| {name} | {median:.0} | {ratio:.3} |");
    }
    Ok(())
}

/// Serves an application on a free port, on one thread, until the process ends.
fn serve(app: Router) -> Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    thread::spawn(move || runtime.block_on(async { axum::serve(listener, service).await }));
    Ok(address)
}

/// Lets `wrk` ask for one turn.
fn requests_per_second(address: SocketAddr) -> Result<f64> {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{TURN}s")])
        .arg(format!("http://{address}/"))
        .output()?;
    let report = String::from_utf8(output.stdout)?;
    let figure = report
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .ok_or_else(|| format!("`wrk` reported no rate: {report}"))?;
    Ok(figure.trim().parse()?)
}
