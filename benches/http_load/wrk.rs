//! An application on a socket, and `wrk` that asks it.

use std::error::Error;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;

use axum::Router;
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub(crate) const CONNECTIONS: u32 = 64;
/// How long one asks, in seconds, as `wrk` wants it.
pub(crate) const TURN: u32 = 1;

/// Tells whether `wrk` is on the PATH.
pub(crate) fn is_there() -> bool {
    Command::new("wrk")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Serves an application on a free port, on one thread, until the process ends, and lets `wrk` ask
/// for one turn.
///
/// A server is faster or slower than another by up to a tenth for as long as it lives, by where its
/// memory and its thread happen to lie, so that each turn has its own.
pub(crate) fn requests_per_second(app: Router) -> Result<f64> {
    let address = serve(app)?;
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
