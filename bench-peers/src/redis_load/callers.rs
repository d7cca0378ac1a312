//! Who asks Redis, each in a few lines.

use std::sync::Arc;
use std::time::Duration;

use fastlimit::{Policy, RateLimiter, RedisStore};
use limitador::AsyncRateLimiter;
use limitador::limit::Namespace;
use limitador::storage::AsyncCounterStorage;
use limitador::storage::redis::{AsyncRedisStorage, CachedRedisStorageBuilder};
use redis::aio::MultiplexedConnection;

use super::KEYS;
use crate::{Result, quota};

/// A row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ReturnOne,
    FastLimit,
    Limitador,
    LimitadorCached,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [
        Self::ReturnOne,
        Self::FastLimit,
        Self::Limitador,
        Self::LimitadorCached,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::ReturnOne => "_`EVALSHA` of `return 1`, one multiplexed connection_",
            Self::FastLimit => "FastLimit, `RedisStore`",
            Self::Limitador => "limitador, `AsyncRedisStorage`",
            Self::LimitadorCached => "limitador, `CachedRedisStorage`: not exact",
        }
    }

    /// How long after its answer a check may reach the server.
    pub(super) fn writes_later_by(self) -> Option<Duration> {
        // It flushes every second by default.
        (self == Self::LimitadorCached).then_some(Duration::from_millis(1_500))
    }

    pub(super) async fn connect(self, url: &str) -> Result<Caller> {
        Ok(match self {
            Self::ReturnOne => {
                let client = redis::Client::open(url)?;
                let mut connection = client.get_multiplexed_async_connection().await?;
                let script = redis::Script::new("return 1");
                let sha = script.prepare_invoke().load_async(&mut connection).await?;
                Caller::ReturnOne { connection, sha }
            }
            Self::FastLimit => Caller::FastLimit {
                limiter: RateLimiter::new(RedisStore::connect(url).await?),
                policy: Policy::new("bench", quota::FIXED_WINDOW)?,
            },
            Self::Limitador => Caller::Limitador(limitador(AsyncRedisStorage::new(url).await?)),
            Self::LimitadorCached => {
                // Room for all keys, so that no counter is evicted.
                let storage = CachedRedisStorageBuilder::new(url).max_cached_counters(2 * KEYS);
                Caller::LimitadorCached(limitador(storage.build().await?))
            }
        })
    }
}

fn limitador(storage: impl AsyncCounterStorage + 'static) -> Limitador {
    let limiter = AsyncRateLimiter::new_with_storage(Box::new(storage));
    limiter.add_limit(quota::limitador::limit());
    Limitador {
        limiter: Arc::new(limiter),
        namespace: quota::limitador::NAMESPACE.into(),
    }
}

/// What each task has.
#[derive(Clone)]
pub(super) enum Caller {
    /// The least that a script can do.
    ReturnOne {
        connection: MultiplexedConnection,
        sha: String,
    },
    FastLimit {
        limiter: RateLimiter,
        policy: Policy,
    },
    Limitador(Limitador),
    LimitadorCached(Limitador),
}

#[derive(Clone)]
pub(super) struct Limitador {
    limiter: Arc<AsyncRateLimiter>,
    namespace: Namespace,
}

impl Limitador {
    async fn check(&self, key: &str) -> Result<bool> {
        let context = quota::limitador::context(key);
        let check = self
            .limiter
            .check_rate_limited_and_update(&self.namespace, &context, 1);
        Ok(!check.await.map_err(|error| error.to_string())?.limited)
    }
}

impl Caller {
    /// Tells whether the key is allowed.
    pub(super) async fn check(&mut self, key: &str) -> Result<bool> {
        Ok(match self {
            Self::ReturnOne { connection, sha } => {
                let mut command = redis::cmd("EVALSHA");
                let command = command.arg(&*sha).arg(0);
                command.query_async::<i64>(connection).await? == 1
            }
            Self::FastLimit { limiter, policy } => limiter.check(key, &*policy).await?.is_allowed(),
            Self::Limitador(limitador) => limitador.check(key).await?,
            Self::LimitadorCached(limitador) => {
                // For a counter that it has not seen it awaits a semaphore while it holds a shard
                // of a map. With a task's budget used up that would suspend the task there, and
                // soon all workers would wait for the shard.
                tokio::task::yield_now().await;
                limitador.check(key).await?
            }
        })
    }
}
