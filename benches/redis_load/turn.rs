//! One turn of a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Result;
use crate::call::Call;
use crate::server::Server;

const LENGTH: Duration = Duration::from_secs(1);

/// One call in so many is timed: with a thousand tasks, clocks and histograms would be a fifth of
/// what the client does.
const TIMED: usize = 16;

pub(crate) struct Turn {
    pub(crate) per_second: f64,
    /// How long a call took; `redis-benchmark` does not tell.
    times: Option<[Duration; 2]>,
    pub(crate) server_micros: f64,
}

impl Turn {
    pub(crate) fn of_ceiling(calls: usize, elapsed: Duration, server_micros: f64) -> Self {
        Self {
            per_second: calls as f64 / elapsed.as_secs_f64(),
            times: None,
            server_micros: server_micros / calls as f64,
        }
    }

    pub(crate) fn shown_p50(&self) -> String {
        shown(self.times.map(|[p50, _]| p50))
    }

    pub(crate) fn shown_p99(&self) -> String {
        shown(self.times.map(|[_, p99]| p99))
    }
}

fn shown(time: Option<Duration>) -> String {
    time.map_or("–".to_owned(), |time| format!("{} µs", time.as_micros()))
}

/// Lets `tasks` tasks call for one turn.
pub(crate) async fn run(server: &Server, call: &Call, tasks: usize) -> Result<Turn> {
    let stop = Arc::new(AtomicBool::new(false));
    let cpu = server.cpu_micros().await?;
    let began = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (mut call, stop) = (call.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut times = Vec::new();
                let mut calls = 0;
                while !stop.load(Ordering::Relaxed) {
                    let sent = (calls % TIMED == 0).then(Instant::now);
                    call.once(task * 1_231 + calls).await?;
                    times.extend(sent.map(|sent| sent.elapsed()));
                    calls += 1;
                }
                Result::Ok((calls, times))
            })
        })
        .collect();
    tokio::time::sleep(LENGTH).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Histogram::<u64>::new(3)?;
    let mut calls = 0;
    for task in running {
        let (made, timed) = task.await??;
        calls += made;
        for time in timed {
            times.record(u64::try_from(time.as_nanos())?)?;
        }
    }
    let elapsed = began.elapsed();
    let cpu = server.cpu_micros().await? - cpu;
    let calls = calls as f64;
    let at = |quantile| Duration::from_nanos(times.value_at_quantile(quantile));
    Ok(Turn {
        per_second: calls / elapsed.as_secs_f64(),
        times: Some([at(0.5), at(0.99)]),
        server_micros: cpu / calls,
    })
}

/// The turn in the middle by calls per second.
pub(crate) fn median(mut turns: Vec<Turn>) -> Turn {
    turns.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    turns.swap_remove(turns.len() / 2)
}
