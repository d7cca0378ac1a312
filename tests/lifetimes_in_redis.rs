//! After the whole conformance suite on a Redis of its own, no key is left that lives for ever.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use std::time::Duration;

use fastlimit::{ManualClock, RedisStore};
use fastlimit_conformance::{Fixture, FixtureError, StoreFactory, async_trait, run_all};
use fastlimit_test_redis::TestRedis;
use redis::AsyncCommands;

/// Stores on one server; on a manual clock where the test says so, else on the server's own.
struct RedisStores {
    url: String,
    manual_clock: bool,
}

#[async_trait]
impl StoreFactory for RedisStores {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let store = RedisStore::builder(&self.url);
        if !self.manual_clock {
            return Ok(Fixture::new(store.connect().await?));
        }
        let clock = ManualClock::default();
        let store = store.clock(clock.clone()).connect().await?;
        Ok(Fixture::new(store).with_clock(clock))
    }

    fn histories(&self) -> u32 {
        200
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_lives_for_ever() {
    let redis = TestRedis::start().unwrap();
    let mut seen = 0;
    for manual_clock in [true, false] {
        let url = redis.url().to_owned();
        let report = run_all(&RedisStores { url, manual_clock }).await;
        assert!(report.is_conformant(), "{report}");

        let client = redis::Client::open(redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut scanning = connection.clone();
        let mut keys = scanning.scan::<String>().await.unwrap();
        while let Some(key) = keys.next_item().await {
            let key = key.unwrap();
            let left: i64 = connection.pttl(&key).await.unwrap();
            // -2: it has ended since the scan.
            assert!(
                left > 0 || left == -2,
                "{key:?} has a time to live of {left} ms"
            );
            // A bucket drains within a hundred years, and the grace is a minute and little more.
            let longest = Duration::from_secs(36_525 * 86_400 + 64);
            assert!(
                Duration::from_millis(left.max(0).unsigned_abs()) <= longest,
                "{key:?}"
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} keys were there to look at");
}
