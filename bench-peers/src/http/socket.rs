//! Requests per second over a socket.

#[path = "../../../benches/http_load/wrk.rs"]
mod wrk;

use axum::Router;

use crate::turns::{Turns, median};
use crate::{Result, table};

/// One turn of `wrk` says less than one of the other sections, so there are more.
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
            "Requests per second by `wrk -t1 -c{} -d{}s` over the loopback, each application \
             served by one thread, by the client's address, all allowed. Each turn has servers \
             of its own, and there are {TIMES_AS_OFT} times as many as elsewhere.",
            wrk::CONNECTIONS,
            wrk::TURN
        ),
    );
    if !wrk::is_there() {
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
            rates.push(wrk::requests_per_second(app.clone())?);
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
