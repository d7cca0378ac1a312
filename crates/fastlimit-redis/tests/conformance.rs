//! The laws that bind every store, on a real Redis.

#![allow(
    clippy::unwrap_used,
    reason = "a panic in a function of a test is a failed test"
)]

use std::sync::Arc;
use std::time::Duration;

use fastlimit_conformance::{
    Fixture, FixtureError, Inspect, Lifetime, StoreFactory, async_trait, conformance_tests,
};
use fastlimit_core::ManualClock;
use fastlimit_core::store::Key;
use fastlimit_redis::{RedisStore, RedisStoreBuilder};
use fastlimit_test_redis::TestRedis;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client};

const LONG: Duration = Duration::from_secs(20);

/// Two stores, as two processes would have them, on a clock that the laws move.
struct OnAGivenClock;

#[async_trait]
impl StoreFactory for OnAGivenClock {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let redis = TestRedis::shared()?;
        let clock = ManualClock::default();
        let store = async || patient(&redis).clock(clock.clone()).connect().await;
        let fixture = Fixture::new(store().await?)
            .with_instance(store().await?)
            .with_clock(clock.clone());
        inspected(fixture, redis).await
    }
}

/// The same on the clock of the server.
struct OnTheServersClock;

#[async_trait]
impl StoreFactory for OnTheServersClock {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let redis = TestRedis::shared()?;
        let store = async || patient(&redis).connect().await;
        let fixture = Fixture::new(store().await?).with_instance(store().await?);
        inspected(fixture, redis).await
    }
}

/// A store that waits as long as a busy machine needs.
fn patient(redis: &TestRedis) -> RedisStoreBuilder {
    RedisStore::builder(redis.url())
        .connect_timeout(LONG)
        .timeout(LONG)
}

async fn inspected(fixture: Fixture, redis: Arc<TestRedis>) -> Result<Fixture, FixtureError> {
    let client = Client::open(redis.url())?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(LONG))
        .set_response_timeout(Some(LONG));
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    let inspector = Keys(connection.await?);
    Ok(fixture.with_inspector(inspector).with_guard(redis))
}

/// A look at the server's keys.
struct Keys(MultiplexedConnection);

#[async_trait]
impl Inspect for Keys {
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
        Ok(self.0.clone().get(key.to_string()).await?)
    }

    async fn lifetime(&self, key: Key<'_>) -> Result<Option<Lifetime>, FixtureError> {
        let millis: i64 = self.0.clone().pttl(key.to_string()).await?;
        Ok(match millis {
            -2 => None,
            -1 => Some(Lifetime::Endless),
            millis => Some(Lifetime::For(Duration::from_millis(millis.try_into()?))),
        })
    }

    async fn plant(&self, key: Key<'_>, bytes: &[u8]) -> Result<bool, FixtureError> {
        let () = self.0.clone().set(key.to_string(), bytes).await?;
        Ok(true)
    }
}

mod on_a_given_clock {
    use super::*;

    conformance_tests!(OnAGivenClock);
}

mod on_the_server_s_clock {
    use super::*;

    conformance_tests!(OnTheServersClock);
}
