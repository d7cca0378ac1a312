use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fastlimit_core::Clock;

use crate::endpoint::Endpoint;
use crate::lanes::{Connector, Lanes};
use crate::{ConnectError, RedisStore};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 2;

/// Builds a [`RedisStore`]; from [`RedisStore::builder`].
///
/// ```no_run
/// use fastlimit::RedisStore;
/// use std::time::Duration;
///
/// # async fn run() -> Result<(), fastlimit::ConnectError> {
/// let store = RedisStore::builder("redis://limiter:secret@127.0.0.1:6379/1")
///     .connect_timeout(Duration::from_millis(300))
///     .response_timeout(Duration::from_millis(100))
///     .connections(4)
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct RedisStoreBuilder {
    url: String,
    clock: Option<Arc<dyn Clock>>,
    connect_timeout: Duration,
    response_timeout: Duration,
    connections: usize,
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            clock: None,
            connect_timeout: CONNECT_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
            connections: CONNECTIONS,
        }
    }

    /// Sets a clock that decides instead of the server's, for tests that move the time.
    ///
    /// Processes that share limits must then share the clock too. Keys live for an hour at
    /// least, since it is the server's clock that ends them.
    ///
    /// ```no_run
    /// use fastlimit::{ManualClock, RedisStore};
    ///
    /// # async fn run() -> Result<(), fastlimit::ConnectError> {
    /// let clock = ManualClock::default();
    /// let store = RedisStore::builder("redis://127.0.0.1/").clock(clock.clone()).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Sets how long a connection may take, 1 second otherwise. With the server down, a
    /// request waits no longer than this.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long an answer may take, 500 ms otherwise. A request that was sent and not
    /// answered in time has an unknown decision.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Sets the number of connections that all requests share, 2 otherwise. The requests of one
    /// key go by the same one, and so do the subjects of one
    /// [`RateLimiter::all`](fastlimit_core::RateLimiter::all), by that of the first.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the URL or a setting is wrong, if the server cannot be reached within
    /// the connect timeout, if it refuses the connection, or if there is no tokio runtime.
    pub async fn connect(self) -> Result<RedisStore, ConnectError> {
        for (setting, is_valid) in [
            ("connect_timeout", !self.connect_timeout.is_zero()),
            ("response_timeout", !self.response_timeout.is_zero()),
        ] {
            if !is_valid {
                let expected = "longer than zero";
                return Err(ConnectError::InvalidSetting { setting, expected });
            }
        }
        if self.connections == 0 {
            return Err(ConnectError::InvalidSetting {
                setting: "connections",
                expected: "at least 1",
            });
        }
        let endpoint = Endpoint::parse(&self.url)?;
        #[cfg(feature = "tls-rustls")]
        crate::tls::choose_provider();
        let connector = Connector::new(
            endpoint,
            self.connect_timeout,
            self.response_timeout,
            self.connections,
        )?;
        let lanes = Lanes::open(connector, self.connections).await?;
        Ok(RedisStore::new(lanes, self.clock, self.response_timeout))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("url", &Endpoint::parse(&self.url))
            .field("clock", &self.clock)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("connections", &self.connections)
            .finish()
    }
}
