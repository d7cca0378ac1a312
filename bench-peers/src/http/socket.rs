//! Requests per second over a socket.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;

use axum::Router;
use tokio::net::TcpListener;

use crate::turns::{Turns, median};
use crate::{Result, table};

const CONNECTIONS: u32 = 64;
/// `wrk` counts in whole seconds.
const SECONDS: u32 = 1;

/// A server is faster or slower than another by up to a tenth for as long as it lives, by where its
/// memory and its threads happen to lie. So each turn has servers of its own, and there are more.
const TIMES_AS_OFT: usize = 5;

/// Measures and prints the section, or says how to get `wrk`.
///
/// # Errors
///
/// Fails when an application cannot be served, or `wrk` prints no rate.
pub(super) fn print(apps: Vec<(&'static str, Router)>, turns: Turns) -> Result<()> {
    table::heading(
        "HTTP over a socket",
        &format!(
            "Requests per second by `wrk -t1 -c{CONNECTIONS} -d{SECONDS}s` over the loopback, each \
             application served by one thread, by the client's address, all allowed. Each turn \
             has servers of its own, and there are {TIMES_AS_OFT} times as many as elsewhere."
        ),
    );
    let wrk = Command::new("wrk")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if wrk.is_err() {
        println!("Left out: there is no `wrk` on the PATH (`apt-get install wrk`).\n");
        return Ok(());
    }
    let mut rows: Vec<_> = apps
        .into_iter()
        .map(|(name, app)| (name, app, Vec::new()))
        .collect();
    for turn in 0..turns.count.get() * TIMES_AS_OFT {
        let first = turn % rows.len();
        for at in (first..rows.len()).chain(0..first) {
            let (_, app, rates) = &mut rows[at];
            rates.push(requests_per_second(serve(app.clone())?)?);
        }
    }
    table::head(&["row", "requests/s", "of the first"]);
    let mut first = None;
    for (name, _, rates) in rows {
        let rate = median(rates);
        let ratio = rate / *first.get_or_insert(rate);
        table::row(&[name, &format!("{rate:.0}"), &format!("{ratio:.3}")]);
    }
    table::end();
    Ok(())
}

/// Serves an application on a free port, on one thread, until the process ends.
fn serve(app: Router) -> Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    thread::spawn(move || runtime.block_on(async { axum::serve(listener, service).await }));
    Ok(address)
}

fn requests_per_second(address: SocketAddr) -> Result<f64> {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s")])
        .arg(format!("http://{address}/"))
        .output()?;
    let report = String::from_utf8(output.stdout)?;
    if report.contains("Non-2xx") {
        return Err(format!("a request was refused: {report}").into());
    }
    let figure = report
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .ok_or_else(|| format!("`wrk` reported no rate: {report}"))?;
    Ok(figure.trim().parse()?)
}
