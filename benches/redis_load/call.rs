//! What is asked of the server, again and again.

use std::sync::Arc;

use fastlimit::{Policy, RateLimiter, RedisStore};
use fastlimit_test_redis::unique_prefix;
use redis::aio::MultiplexedConnection;

use crate::keys::{self, KEYS, identifiers};
use crate::{Result, ceiling};

#[derive(Clone)]
pub(crate) enum Call {
    /// A check of a limiter, of each key under the next of the policies.
    Check {
        limiter: RateLimiter,
        policies: Arc<[Policy]>,
        keys: Arc<[String]>,
        is_denied: bool,
    },
    /// A check in a call of its own, on one multiplexed connection.
    Alone {
        connection: MultiplexedConnection,
        keys: Arc<[String]>,
    },
    /// A script that answers one number, of a key if there are any.
    Script {
        connection: MultiplexedConnection,
        hash: String,
        keys: Arc<[String]>,
    },
    /// The least that the same client can do.
    Ping(MultiplexedConnection),
}

/// Checks by a store of its own, of the first so many of the keys, under a policy for each of the
/// limits.
pub(crate) async fn check(url: &str, limits: &[&str], count: usize) -> Result<Call> {
    check_by(RedisStore::connect(url).await?, limits, count)
}

/// The same by a store that is there.
pub(crate) fn check_by(store: RedisStore, limits: &[&str], count: usize) -> Result<Call> {
    let named = |(number, limits): (usize, &&str)| match number {
        0 => Policy::new(keys::POLICY, *limits),
        more => Policy::new(&format!("{}{more}", keys::POLICY), *limits),
    };
    let policies: std::result::Result<_, _> = limits.iter().enumerate().map(named).collect();
    Ok(Call::Check {
        limiter: RateLimiter::builder(store).prefix(keys::PREFIX).build(),
        policies: policies?,
        keys: identifiers(count),
        is_denied: false,
    })
}

impl Call {
    /// The same, of limits that are spent once all keys were checked once.
    pub(crate) fn denied(mut self) -> Self {
        if let Self::Check { is_denied, .. } = &mut self {
            *is_denied = true;
        }
        self
    }

    pub(crate) async fn alone(url: &str) -> Result<Self> {
        let mut connection = connect(url).await?;
        redis::Script::new(ceiling::source())
            .prepare_invoke()
            .load_async(&mut connection)
            .await?;
        let keys = identifiers(KEYS);
        Ok(Self::Alone { connection, keys })
    }

    /// The least that a script can do.
    pub(crate) async fn return_one(url: &str) -> Result<Self> {
        Self::script(url, "return 1", Arc::default()).await
    }

    /// The least that a check can do: ask for the time, read a value, write one of its size.
    pub(crate) async fn read_and_write(url: &str) -> Result<Self> {
        const SOURCE: &str = "\
local _ = redis.call('TIME')
if redis.call('GET', KEYS[1]) then
  redis.call('SETRANGE', KEYS[1], '0', 'a value of 20 bytes.')
else
  redis.call('SET', KEYS[1], 'a value of 20 bytes.', 'PX', '86400000')
end
return 1";
        // What it writes is no state of a check.
        let prefix = unique_prefix();
        let keys = identifiers(KEYS);
        let keys = keys.iter().map(|key| format!("{prefix}:{key}"));
        Self::script(url, SOURCE, keys.collect()).await
    }

    async fn script(url: &str, source: &str, keys: Arc<[String]>) -> Result<Self> {
        let mut connection = connect(url).await?;
        let hash = redis::Script::new(source)
            .prepare_invoke()
            .load_async(&mut connection)
            .await?;
        Ok(Self::Script {
            connection,
            hash,
            keys,
        })
    }

    pub(crate) async fn ping(url: &str) -> Result<Self> {
        Ok(Self::Ping(connect(url).await?))
    }

    pub(crate) async fn once(&mut self, turn: usize) -> Result<()> {
        match self {
            Self::Check {
                limiter,
                policies,
                keys,
                is_denied,
            } => {
                let at = turn.wrapping_mul(7_919) % keys.len();
                let (key, policy) = (&keys[at], &policies[at % policies.len()]);
                if limiter.check(key, policy).await?.is_denied() != *is_denied {
                    return Err("a check was not decided as expected".into());
                }
            }
            Self::Alone { connection, keys } => {
                let key = &keys[turn.wrapping_mul(7_919) % keys.len()];
                let mut call = redis::cmd("EVALSHA");
                ceiling::arguments(key, |argument| {
                    call.arg(argument);
                });
                // What was found, the time, and how many were admitted.
                let (_, _, admitted): (Option<Vec<u8>>, u64, i64) =
                    call.query_async(connection).await?;
                if admitted != 1 {
                    return Err("expected every check to be allowed".into());
                }
            }
            Self::Script {
                connection,
                hash,
                keys,
            } => {
                let mut call = redis::cmd("EVALSHA");
                call.arg(&*hash);
                if keys.is_empty() {
                    call.arg(0);
                } else {
                    call.arg(1)
                        .arg(&keys[turn.wrapping_mul(7_919) % keys.len()]);
                }
                let _: i64 = call.query_async(connection).await?;
            }
            Self::Ping(connection) => {
                let _: String = redis::cmd("PING").query_async(connection).await?;
            }
        }
        Ok(())
    }

    /// Checks all keys once, so that they are there, and their limits spent if they are to be denied.
    pub(crate) async fn fill(&self) -> Result<()> {
        let Self::Check {
            limiter,
            policies,
            keys,
            ..
        } = self
        else {
            return Ok(());
        };
        let tasks: Vec<_> = (0..256)
            .map(|task| {
                let (limiter, keys) = (limiter.clone(), Arc::clone(keys));
                let policies = Arc::clone(policies);
                tokio::spawn(async move {
                    for (at, key) in keys.iter().enumerate().skip(task).step_by(256) {
                        let policy = &policies[at % policies.len()];
                        let _ = limiter.check(key, policy).await?;
                    }
                    Result::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    }
}

async fn connect(url: &str) -> Result<MultiplexedConnection> {
    let client = redis::Client::open(url)?;
    let config = redis::AsyncConnectionConfig::new()
        .set_response_timeout(Some(std::time::Duration::from_secs(10)))
        .set_pipeline_buffer_size(10_000);
    Ok(client
        .get_multiplexed_async_connection_with_config(&config)
        .await?)
}
