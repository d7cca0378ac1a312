//! Checks per second on Redis: how many, how long one takes, and what it costs the server.

mod callers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastlimit_test_redis::{ExclusiveRedis, TestRedis};
use hdrhistogram::Histogram;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;

use crate::keys::{self, APART};
use crate::turns::{Turns, median};
use crate::{Result, table};
use callers::{Caller, Kind};

const KEYS: usize = 100_000;
const TASKS: [usize; 2] = [64, 1_000];
/// How long a turn is, in turns of the other sections.
const LONGER: u32 = 5;
/// One check in so many is timed: with a thousand tasks, clocks and histograms take a good part of what
/// the fastest row does.
const TIMED: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures and prints the section.
///
/// # Errors
///
/// Fails when there is no Redis to be had, or a check fails or is denied.
pub fn print(turns: Turns) -> Result<()> {
    table::heading(
        "On Redis",
        "100,000 keys, all allowed, 2 tokio workers that share the machine with the server. A \
         row's server is its own. Server CPU is that of `INFO cpu`, per check. Failed are the \
         checks of all turns that got no answer in the client's time, 500 ms by default.",
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(sections(turns))
}

async fn sections(turns: Turns) -> Result<()> {
    let keys = Arc::new(keys::users(KEYS));
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        rows.push(Row::start(kind, &keys).await?);
    }
    let source = rows.first().map(|row| row.server.source());
    println!("Redis comes from: {}.\n", source.ok_or("no rows")?);
    table::head(&[
        "tasks",
        "row",
        "checks/s",
        "p50",
        "p99",
        "server CPU per check",
        "failed",
    ]);
    for tasks in TASKS {
        let mut measured: Vec<_> = rows.iter().map(|_| Vec::new()).collect();
        for _ in 0..turns.count.get() {
            for (row, measured) in rows.iter().zip(&mut measured) {
                measured.push(row.turn(tasks, turns.length * LONGER).await?);
            }
        }
        for (row, measured) in rows.iter().zip(&measured) {
            let middle = |figure: fn(&Turn) -> f64| median(measured.iter().map(figure).collect());
            table::row(&[
                tasks.to_string(),
                row.kind.title().to_owned(),
                format!("{:.0}", middle(|turn| turn.per_second)),
                format!("{:.0} µs", middle(|turn| turn.p50)),
                format!("{:.0} µs", middle(|turn| turn.p99)),
                format!("{:.1} µs", middle(|turn| turn.server)),
                measured
                    .iter()
                    .map(|turn| turn.failed)
                    .sum::<u64>()
                    .to_string(),
            ]);
        }
    }
    table::end();
    Ok(())
}

/// What one turn measured; times are in µs.
struct Turn {
    per_second: f64,
    p50: f64,
    p99: f64,
    server: f64,
    failed: u64,
}

/// What a task's checks of one turn came to.
#[derive(Default)]
struct Load {
    answered: u64,
    failed: u64,
    /// Of those that were answered and timed.
    times: Vec<Duration>,
}

struct Row {
    kind: Kind,
    caller: Caller,
    keys: Arc<Vec<String>>,
    info: MultiplexedConnection,
    /// Ends when the row does.
    server: ExclusiveRedis,
}

impl Row {
    async fn start(kind: Kind, keys: &Arc<Vec<String>>) -> Result<Self> {
        let server = TestRedis::start()?;
        // A server that is busy to its limits is still to tell its CPU.
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let info = redis::Client::open(server.url())?
            .get_multiplexed_async_connection_with_config(&patient)
            .await?;
        let row = Self {
            kind,
            caller: kind.connect(server.url()).await?,
            keys: Arc::clone(keys),
            info,
            server,
        };
        row.bring_keys().await?;
        row.settle().await?;
        Ok(row)
    }

    /// Checks every key once: what is measured is an update.
    async fn bring_keys(&self) -> Result<()> {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS[0] {
            let (mut caller, keys) = (self.caller.clone(), Arc::clone(&self.keys));
            tasks.spawn(async move {
                for key in keys.iter().skip(task).step_by(TASKS[0]) {
                    // One that fails is brought by the turns.
                    let _ = caller.check(key).await;
                }
            });
        }
        while let Some(task) = tasks.join_next().await {
            task?;
        }
        Ok(())
    }

    async fn turn(&self, tasks: usize, length: Duration) -> Result<Turn> {
        let before = self.server_cpu().await?;
        let started = Instant::now();
        let loads = self.load(tasks, length).await?;
        let elapsed = started.elapsed();
        self.settle().await?;
        let server = self.server_cpu().await? - before;
        let answered: u64 = loads.iter().map(|load| load.answered).sum();
        let mut times = Histogram::<u64>::new(3)?;
        for time in loads.iter().flat_map(|load| &load.times) {
            times.record(u64::try_from(time.as_nanos())?)?;
        }
        if times.is_empty() {
            return Err("no check was answered".into());
        }
        let quantile = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Turn {
            per_second: answered as f64 / elapsed.as_secs_f64(),
            p50: quantile(0.5),
            p99: quantile(0.99),
            server: server.as_secs_f64() * 1e6 / answered as f64,
            failed: loads.iter().map(|load| load.failed).sum(),
        })
    }

    /// Lets so many tasks check for so long.
    async fn load(&self, tasks: usize, length: Duration) -> Result<Vec<Load>> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for task in 0..tasks {
            let (mut caller, keys) = (self.caller.clone(), Arc::clone(&self.keys));
            let stop = Arc::clone(&stop);
            running.spawn(async move {
                let mut load = Load::default();
                // The tasks do not time their checks all at the same moment.
                for (check, key) in (task..).zip(keys::walk(&keys, task * APART)) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let sent = (check % TIMED == 0).then(Instant::now);
                    match caller.check(key).await {
                        Ok(true) => {
                            load.answered += 1;
                            load.times.extend(sent.map(|sent| sent.elapsed()));
                        }
                        Ok(false) => return Err("a check was denied".into()),
                        Err(_) => load.failed += 1,
                    }
                }
                Result::Ok(load)
            });
        }
        tokio::time::sleep(length).await;
        stop.store(true, Ordering::Relaxed);
        let mut loads = Vec::with_capacity(tasks);
        while let Some(task) = running.join_next().await {
            loads.push(task??);
        }
        Ok(loads)
    }

    /// Waits until the server has what its row still owes it, or the next row would pay for it.
    async fn settle(&self) -> Result<()> {
        let Some(time) = self.kind.writes_later_by() else {
            return Ok(());
        };
        let mut commands = self.commands().await?;
        loop {
            tokio::time::sleep(time).await;
            let before = std::mem::replace(&mut commands, self.commands().await?);
            // The question counts itself.
            if commands <= before + 1 {
                return Ok(());
            }
        }
    }

    async fn commands(&self) -> Result<u64> {
        let commands = self.info("stats").await?.get("total_commands_processed");
        commands.ok_or_else(|| "the server does not count its commands".into())
    }

    async fn server_cpu(&self) -> Result<Duration> {
        let info = self.info("cpu").await?;
        ["used_cpu_user", "used_cpu_sys"]
            .into_iter()
            .map(|name| {
                let seconds: f64 = info.get(name).ok_or("the server does not tell its CPU")?;
                Ok(Duration::from_secs_f64(seconds))
            })
            .sum()
    }

    async fn info(&self, part: &str) -> Result<redis::InfoDict> {
        let mut info = redis::cmd("INFO");
        Ok(info.arg(part).query_async(&mut self.info.clone()).await?)
    }
}
