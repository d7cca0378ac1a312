//! Load on the Redis store: checks per second, how long a check takes and what it costs the
//! server, beside what the server can do at most.
//!
//! ```console
//! cargo bench --bench redis_load
//! cargo bench --bench redis_load -- tasks   # or: scripts, denials, cluster, unix
//! ```
//!
//! The rows of a table are measured in turns, and a row is the median of its turns: only the
//! ratio of two rows of one table says something. `redis-benchmark` must be on the `PATH`.

mod call;
mod ceiling;
mod cluster;
mod keys;
mod server;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use call::{Call, check, check_by};
use ceiling::Ceiling;
use fastlimit::RedisStore;
use fastlimit_test_redis::TestCluster;
use keys::KEYS;
use server::Server;
use turn::Turn;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

/// How many turns a row has, and how long one is.
const TURNS: Turns = Turns {
    count: 9,
    length: Duration::from_secs(1),
};
/// The same for the algorithms: the ends of all buckets move at the same moment, every 5 s, and a
/// short turn would hold all of it or nothing.
const LONG_TURNS: Turns = Turns {
    count: 5,
    length: Duration::from_secs(5),
};
const ONE_WINDOW: &str = "1_000_000_000/day";

struct Turns {
    count: usize,
    length: Duration,
}

/// What a row measures.
enum Row {
    /// Tasks that call again and again.
    Tasks(usize, Call),
    /// The same on a server that holds the keys of this row alone.
    Afresh(usize, Call),
    /// The same on a cluster, whose servers' time counts together.
    OnCluster(usize, Call, Arc<TestCluster>),
    /// `redis-benchmark`.
    Ceiling(Ceiling),
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    // Cargo passes `--bench`.
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let is_asked = |section: &str| asked.is_empty() || asked.iter().any(|asked| asked == section);
    let server = Server::start().await?;
    println!(
        "Redis: {}; medians of {} turns, of {} for the algorithms\n",
        server.about().await?,
        TURNS.count,
        LONG_TURNS.count
    );
    if is_asked("tasks") {
        tasks(&server, server.url()).await?;
    }
    if is_asked("scripts") {
        scripts(&server).await?;
    }
    if is_asked("denials") {
        denials(&server).await?;
    }
    if is_asked("cluster") {
        clusters(&server).await?;
    }
    match server.unix_url() {
        Some(url) if is_asked("unix") => {
            println!("By a Unix socket:\n");
            tasks(&server, &url).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Batches against one check per call, by the number of tasks.
async fn tasks(server: &Server, url: &str) -> Result<()> {
    server.clear().await?;
    let many = check(url, &[ONE_WINDOW], KEYS).await?;
    let one = check(url, &[ONE_WINDOW], 1).await?;
    let alone = Call::alone(url).await?;
    let ping = Call::ping(url).await?;
    let return_one = Call::return_one(url).await?;
    let read_and_write = Call::read_and_write(url).await?;
    let socket = server.unix_socket().filter(|_| url != server.url());
    let ceiling = |keys| Row::Ceiling(Ceiling::new(server.addr(), socket, keys));
    measure(
        server,
        &TURNS,
        vec![
            (
                "redis-benchmark -c 50 -P 64, one check a call",
                ceiling(KEYS),
            ),
            ("the same, one key", ceiling(1)),
            ("1,000 tasks, check", Row::Tasks(1_000, many.clone())),
            (
                "1,000 tasks, check, one key",
                Row::Tasks(1_000, one.clone()),
            ),
            (
                "1,000 tasks, one check a call",
                Row::Tasks(1_000, alone.clone()),
            ),
            (
                "1,000 tasks, EVALSHA return 1",
                Row::Tasks(1_000, return_one.clone()),
            ),
        ],
    )
    .await?;
    let size = server.size().await?;
    if size != KEYS {
        return Err(format!("the checks should share {KEYS} keys, and there are {size}").into());
    }
    measure(
        server,
        &TURNS,
        vec![
            ("64 tasks, one check a call", Row::Tasks(64, alone.clone())),
            ("64 tasks, check", Row::Tasks(64, many.clone())),
            ("64 tasks, check, one key", Row::Tasks(64, one.clone())),
            (
                "64 tasks, EVALSHA return 1",
                Row::Tasks(64, return_one.clone()),
            ),
        ],
    )
    .await?;
    measure(
        server,
        &TURNS,
        vec![
            ("1 task, PING", Row::Tasks(1, ping)),
            ("1 task, check", Row::Tasks(1, many)),
            ("1 task, check, one key", Row::Tasks(1, one)),
            ("1 task, one check a call", Row::Tasks(1, alone)),
            ("1 task, EVALSHA return 1", Row::Tasks(1, return_one)),
            (
                "1 task, EVALSHA of TIME, GET, SETRANGE",
                Row::Tasks(1, read_and_write),
            ),
        ],
    )
    .await
}

/// The algorithms, and several limits.
async fn scripts(server: &Server) -> Result<()> {
    let mut rows = Vec::new();
    for (name, limits) in [
        ("fixed window", &[ONE_WINDOW][..]),
        ("sliding window", &["1_000_000_000/day sliding-window"]),
        ("token bucket", &["1_000_000_000/day token-bucket"]),
        // Of so short a period, and asked for as fast as it fills.
        (
            "token bucket, another end each time",
            &["1/second burst 1_000_000 token-bucket"],
        ),
        (
            "three fixed windows",
            &["1_000_000_000/minute; 1_000_000_000/hour; 1_000_000_000/day"],
        ),
        (
            "a fixed window, of four policies",
            &[
                ONE_WINDOW,
                "900_000_000/day",
                "800_000_000/hour",
                "700_000_000/hour",
            ],
        ),
    ] {
        let call = check(server.url(), limits, KEYS).await?;
        rows.push((name, Row::Afresh(1_000, call)));
    }
    println!("At 1,000 tasks and {KEYS} keys:\n");
    measure(server, &LONG_TURNS, rows).await
}

/// One client that goes on and on, which is what a limiter is there for; and very many of them.
async fn denials(server: &Server) -> Result<()> {
    let one = check(server.url(), &[ONE_WINDOW], 1).await?;
    let mut rows = vec![("fixed window, one key, allowed", Row::Afresh(1_000, one))];
    for (name, limit, keys) in [
        ("fixed window, one key", "1/day", 1),
        ("sliding window, one key", "1/day sliding-window", 1),
        ("token bucket, one key", "1/day token-bucket", 1),
        ("fixed window, 100,000 keys", "1/day", KEYS),
        ("sliding window, 100,000 keys", "1/day sliding-window", KEYS),
        ("token bucket, 100,000 keys", "1/day token-bucket", KEYS),
    ] {
        // The limits are spent when the keys have been asked for once, before the turn.
        let call = check(server.url(), &[limit], keys).await?.denied();
        rows.push((name, Row::Afresh(1_000, call)));
    }
    println!("Denied, but for the first row, at 1,000 tasks:\n");
    measure(server, &LONG_TURNS, rows).await
}

/// The same checks on one server and on clusters, all on this machine.
async fn clusters(server: &Server) -> Result<()> {
    let plain = check(server.url(), &[ONE_WINDOW], KEYS).await?;
    let mut rows = vec![("one server", Row::Tasks(1_000, plain))];
    for (name, masters) in [
        ("a cluster of one node", 1),
        ("a cluster of three masters", 3),
    ] {
        let cluster = Arc::new(TestCluster::start(masters, 0)?);
        let store = RedisStore::cluster(cluster.urls()).connect().await?;
        let call = check_by(store, &[ONE_WINDOW], KEYS)?;
        rows.push((name, Row::OnCluster(1_000, call, cluster)));
    }
    println!("At 1,000 tasks and {KEYS} keys:\n");
    measure(server, &TURNS, rows).await
}

/// Measures the rows in turns and prints them, with their ratios to the first.
async fn measure(server: &Server, asked: &Turns, rows: Vec<(&str, Row)>) -> Result<()> {
    println!(
        "| | calls/s | p50 | p99 | server CPU per call | calls/s, of the first | CPU, of the first |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut turns: Vec<Vec<Turn>> = rows.iter().map(|_| Vec::new()).collect();
    for _ in 0..asked.count {
        for (turns, (_, row)) in turns.iter_mut().zip(&rows) {
            turns.push(match row {
                Row::Tasks(tasks, call) => {
                    turn::run(
                        async || server.cpu_micros().await,
                        call,
                        *tasks,
                        asked.length,
                    )
                    .await?
                }
                Row::OnCluster(tasks, call, cluster) => {
                    let cpu = async || cluster::cpu_micros(cluster);
                    turn::run(cpu, call, *tasks, asked.length).await?
                }
                Row::Afresh(tasks, call) => {
                    server.clear().await?;
                    call.fill().await?;
                    turn::run(
                        async || server.cpu_micros().await,
                        call,
                        *tasks,
                        asked.length,
                    )
                    .await?
                }
                Row::Ceiling(ceiling) => ceiling.run(server).await?,
            });
        }
    }
    let medians: Vec<Turn> = turns.into_iter().map(turn::median).collect();
    let first = &medians[0];
    for ((name, _), median) in rows.iter().zip(&medians) {
        println!(
            "| {name} | {:.0} | {} | {} | {:.2} µs | {:.2} | {:.2} |",
            median.per_second,
            median.shown_p50(),
            median.shown_p99(),
            median.server_micros,
            median.per_second / first.per_second,
            median.server_micros / first.server_micros,
        );
    }
    println!();
    Ok(())
}
