//! What the tests share: a server, a prefix of their own, and a look at what is stored.

use std::sync::Arc;
use std::time::Duration;

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{
    Clock, Cost, Decision, Limit, Limits, Store, StoreError, StoreErrorKind, Timestamp,
};
use fastlimit_redis::{RedisStore, RedisStoreBuilder};
use fastlimit_test_redis::{TestRedis, unique_prefix};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client, Value, cmd};

const LONG: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    redis: Arc<TestRedis>,
    pub(crate) prefix: String,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self {
            redis: TestRedis::shared().unwrap(),
            prefix: unique_prefix(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.redis.url()
    }

    /// A store on the server's own clock.
    pub(crate) async fn store(&self) -> RedisStore {
        patient(self.url()).connect().await.unwrap()
    }

    pub(crate) async fn store_with(&self, clock: impl Clock) -> RedisStore {
        patient(self.url()).clock(clock).connect().await.unwrap()
    }

    /// The key of an identifier in the policy and the tenant that are called `default`.
    pub(crate) fn key<'a>(&'a self, identifier: &'a str) -> Key<'a> {
        Key::new(&self.prefix, "default", "default", identifier)
    }

    pub(crate) async fn stored(&self) -> Stored {
        Stored(connection(self.url()).await)
    }
}

/// A store that waits as long as a busy machine needs, where the wait is not what is tested.
pub(crate) fn patient(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).connect_timeout(LONG).timeout(LONG)
}

/// A client of its own, for what the store does not do.
pub(crate) async fn connection(url: &str) -> MultiplexedConnection {
    let client = Client::open(url).unwrap();
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(LONG))
        .set_response_timeout(Some(LONG));
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.unwrap()
}

/// What the server holds.
pub(crate) struct Stored(pub(crate) MultiplexedConnection);

impl Stored {
    pub(crate) async fn bytes(&mut self, key: Key<'_>) -> Option<Vec<u8>> {
        self.0.get(key.to_string()).await.unwrap()
    }

    pub(crate) async fn set(&mut self, key: Key<'_>, bytes: &[u8]) {
        let _: () = self.0.set(key.to_string(), bytes).await.unwrap();
    }

    /// Milliseconds; -1 without a time to live, -2 without a key.
    pub(crate) async fn ttl(&mut self, key: Key<'_>) -> i64 {
        self.0.pttl(key.to_string()).await.unwrap()
    }

    pub(crate) async fn keys(&mut self, prefix: &str) -> Vec<String> {
        let mut keys = Vec::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{prefix}:*"));
            scan.arg("COUNT").arg(1_000);
            let (next, found): (u64, Vec<String>) = scan.query_async(&mut self.0).await.unwrap();
            keys.extend(found);
            cursor = next;
            if cursor == 0 {
                keys.sort();
                keys.dedup();
                return keys;
            }
        }
    }
}

/// How often the server carried out a command.
pub(crate) async fn calls(connection: &mut MultiplexedConnection, command: &str) -> u64 {
    let info: String = cmd("INFO")
        .arg("commandstats")
        .query_async(connection)
        .await
        .unwrap();
    let line = format!("cmdstat_{command}:calls=");
    let calls = info.lines().find_map(|stat| stat.strip_prefix(&line));
    calls.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

/// Whether the server can write several keys at once with one time to live.
pub(crate) async fn knows_msetex(connection: &mut MultiplexedConnection) -> bool {
    let mut ask = cmd("COMMAND");
    ask.arg("INFO").arg("MSETEX");
    let told: Vec<Value> = ask.query_async(connection).await.unwrap();
    told.iter().any(|told| *told != Value::Nil)
}

pub(crate) async fn apply<'a>(
    store: &RedisStore,
    key: Key<'a>,
    limits: impl Into<Limits<'a>>,
    operation: Operation,
) -> Result<Decision, StoreError> {
    store.apply(&Request::new(key, limits, operation)).await
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A check of one subject under a limit that is never spent: what is left, or what went wrong and how
/// that is said.
pub(crate) async fn check(store: &RedisStore) -> Result<Cost, (StoreErrorKind, String)> {
    let limit: Limit = "1000000/day".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    let decision = apply(store, key, limit, Operation::Check(Cost::ONE)).await;
    decision
        .map(|decision| decision.remaining_cost())
        .map_err(|error| (error.kind(), error.message().to_owned()))
}

/// How many connections the server has accepted.
pub(crate) async fn connections_received(connection: &mut MultiplexedConnection) -> u64 {
    let mut info = cmd("INFO");
    let info: String = info.arg("stats").query_async(connection).await.unwrap();
    let mut lines = info.lines();
    let count = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().trim().parse().unwrap()
}
