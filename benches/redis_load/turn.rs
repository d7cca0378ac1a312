//! One turn of a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Result;
use crate::call::Call;

/// How long tasks call before they are measured. What is measured is a load that goes on: the first
/// checks of keys that are new, or that another row wrote in its way, cost more than those after them.
const WARM_UP: Duration = Duration::from_secs(1);

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

/// Lets `tasks` tasks call for one turn, whose length does not count the warm-up. `cpu` tells the
/// processor time that the servers have used, in microseconds.
pub(crate) async fn run(
    cpu: impl AsyncFn() -> Result<f64>,
    call: &Call,
    tasks: usize,
    length: Duration,
) -> Result<Turn> {
    let (is_measured, is_over) = (Flag::default(), Flag::default());
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let mut call = call.clone();
            let (is_measured, is_over) = (is_measured.clone(), is_over.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                let (mut calls, mut measured) = (0, 0);
                while !is_over.is_up() {
                    let sent = (calls % TIMED == 0).then(Instant::now);
                    call.once(task * 1_231 + calls).await?;
                    if is_measured.is_up() {
                        times.extend(sent.map(|sent| sent.elapsed()));
                        measured += 1;
                    }
                    calls += 1;
                }
                Result::Ok((measured, times))
            })
        })
        .collect();
    tokio::time::sleep(WARM_UP).await;
    let cpu_before = cpu().await?;
    let began = Instant::now();
    is_measured.raise();
    tokio::time::sleep(length).await;
    is_over.raise();
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
    let cpu = cpu().await? - cpu_before;
    let calls = calls as f64;
    let at = |quantile| Duration::from_nanos(times.value_at_quantile(quantile));
    Ok(Turn {
        per_second: calls / elapsed.as_secs_f64(),
        times: Some([at(0.5), at(0.99)]),
        server_micros: cpu / calls,
    })
}

/// What all tasks of a turn are told.
#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The turn in the middle by calls per second.
pub(crate) fn median(mut turns: Vec<Turn>) -> Turn {
    turns.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    turns.swap_remove(turns.len() / 2)
}
