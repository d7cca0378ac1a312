//! The server under load, and what it tells of itself.

use std::net::SocketAddr;
use std::path::Path;

use fastlimit_test_redis::{ExclusiveRedis, TestRedis};
use redis::InfoDict;
use redis::aio::MultiplexedConnection;

use crate::Result;

pub(crate) struct Server {
    redis: ExclusiveRedis,
    connection: MultiplexedConnection,
}

impl Server {
    pub(crate) async fn start() -> Result<Self> {
        let redis = TestRedis::start()?;
        let client = redis::Client::open(redis.url())?;
        let config = redis::AsyncConnectionConfig::new()
            .set_response_timeout(Some(std::time::Duration::from_secs(10)));
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(Self { redis, connection })
    }

    pub(crate) fn url(&self) -> &str {
        self.redis.url()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.redis.addr()
    }

    pub(crate) fn unix_socket(&self) -> Option<&Path> {
        self.redis.unix_socket()
    }

    pub(crate) fn unix_url(&self) -> Option<String> {
        let socket = self.unix_socket()?;
        Some(format!("redis+unix://{}", socket.display()))
    }

    /// The server's kind and version, and where it runs.
    pub(crate) async fn about(&self) -> Result<String> {
        let info = self.info("server").await?;
        let valkey: Option<String> = info.get("valkey_version");
        let redis: Option<String> = info.get("redis_version");
        let version = match (valkey, redis) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, Some(version)) => version,
            (None, None) => "of an unknown version".to_owned(),
        };
        Ok(format!("{version}, {}", self.redis.source()))
    }

    /// The processor time that the server has used.
    pub(crate) async fn cpu_micros(&self) -> Result<f64> {
        let info = self.info("cpu").await?;
        let part = |name: &str| -> Result<f64> {
            info.get(name)
                .ok_or_else(|| format!("the server does not tell its {name}").into())
        };
        Ok((part("used_cpu_user")? + part("used_cpu_sys")?) * 1e6)
    }

    /// Removes all keys.
    pub(crate) async fn clear(&self) -> Result<()> {
        let mut connection = self.connection.clone();
        Ok(redis::cmd("FLUSHALL").query_async(&mut connection).await?)
    }

    /// Counts all keys.
    pub(crate) async fn size(&self) -> Result<usize> {
        let mut connection = self.connection.clone();
        Ok(redis::cmd("DBSIZE").query_async(&mut connection).await?)
    }

    /// Loads a script; returns its hash.
    pub(crate) async fn load(&self, source: &str) -> Result<String> {
        let mut connection = self.connection.clone();
        let mut load = redis::cmd("SCRIPT");
        Ok(load
            .arg("LOAD")
            .arg(source)
            .query_async(&mut connection)
            .await?)
    }

    async fn info(&self, section: &str) -> Result<InfoDict> {
        let mut connection = self.connection.clone();
        let mut info = redis::cmd("INFO");
        Ok(info.arg(section).query_async(&mut connection).await?)
    }
}
