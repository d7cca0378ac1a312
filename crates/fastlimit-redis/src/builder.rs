use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fastlimit_core::Clock;

use crate::cluster::Cluster;
#[cfg(feature = "tls-rustls")]
use crate::dial::Tls;
use crate::dial::{DialSettings, Dialer, Endpoint, Wanted, is_client_name};
use crate::sentinel::Sentinels;
use crate::server::{Server, Settings};
use crate::servers::Servers;
use crate::target::Target;
use crate::thread::Thread;
use crate::{ConnectError, RedisStore};

const TIMEOUT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 2;
const MOST_WAITING: usize = 32_768;
const CLIENT_NAME: &str = "fastlimit";

const NO_URL: ConnectError = ConnectError::InvalidSetting {
    setting: "the list of URLs",
    expected: "one URL at least",
};

/// Builds a [`RedisStore`]; from [`RedisStore::builder`], [`RedisStore::cluster`] or
/// [`RedisStore::sentinel`].
///
/// ```no_run
/// use fastlimit::RedisStore;
/// use std::time::Duration;
///
/// # async fn run() -> Result<(), fastlimit::ConnectError> {
/// let store = RedisStore::builder("redis://limiter:secret@127.0.0.1:6379/1")
///     .timeout(Duration::from_millis(100))
///     .client_name("checkout")
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect` or `connect_lazily`"]
pub struct RedisStoreBuilder {
    topology: Topology,
    sentinel_login: Option<(String, String)>,
    clock: Option<Arc<dyn Clock>>,
    timeout: Duration,
    connect_timeout: Duration,
    connections: usize,
    max_waiting: usize,
    client_name: String,
    #[cfg(feature = "tls-rustls")]
    tls: Tls,
}

/// Which servers the URLs name.
#[derive(Clone)]
pub(crate) enum Topology {
    Standalone(String),
    /// Sentinels, and what they call the master.
    Sentinel(Vec<String>, String),
    Cluster(Vec<String>),
}

impl Topology {
    fn urls(&self) -> &[String] {
        match self {
            Self::Standalone(url) => std::slice::from_ref(url),
            Self::Sentinel(urls, _) | Self::Cluster(urls) => urls,
        }
    }
}

impl RedisStoreBuilder {
    pub(crate) fn new(topology: Topology) -> Self {
        Self {
            topology,
            sentinel_login: None,
            clock: None,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            connections: CONNECTIONS,
            max_waiting: MOST_WAITING,
            client_name: CLIENT_NAME.to_owned(),
            #[cfg(feature = "tls-rustls")]
            tls: Tls::default(),
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

    /// Sets how long an answer may take from the moment of asking, 500 ms otherwise: waiting,
    /// connecting and sending are all in it. A request may set
    /// [its own](fastlimit_core::RequestBuilder::timeout).
    ///
    /// A connection by which nothing is heard for this long while an answer is due is given up, with what
    /// is under way on it; so a time of its own that is longer helps a request only to wait.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long an attempt to connect may take, 1 second otherwise. No request waits for it
    /// longer than its own timeout.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the number of connections to a server that all requests share, 2 otherwise. The requests
    /// of one key go by the same one, and so do the subjects of one
    /// [`RateLimiter::all`](fastlimit_core::RateLimiter::all), by that of the first.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Sets how many requests may wait for one connection, 32,768 otherwise. One more fails at once,
    /// so that a slow server does not fill the memory.
    pub fn max_waiting(mut self, requests: usize) -> Self {
        self.max_waiting = requests;
        self
    }

    /// Sets the name that the server's `CLIENT LIST` shows, `fastlimit` otherwise: printable ASCII
    /// without spaces.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = name.into();
        self
    }

    /// Sets the user and the password that the Sentinels ask for; the user is empty where they ask for
    /// a password alone. Those of the URLs are for the master.
    pub fn sentinel_login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.sentinel_login = Some((user.into(), password.into()));
        self
    }

    /// Trusts these certificates of authorities, in PEM, instead of the system's; for `rediss://` URLs.
    #[cfg(feature = "tls-rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-rustls")))]
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls = self.tls.trusting(pem);
        self
    }

    /// Shows the server a certificate of the client's own; the certificate and its key in PEM, for
    /// `rediss://` URLs.
    ///
    /// ```no_run
    /// use fastlimit::RedisStore;
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = RedisStore::builder("rediss://redis.internal:6380/")
    ///     .ca_certificates(std::fs::read("ca.pem")?)
    ///     .client_certificate(std::fs::read("client.pem")?, std::fs::read("client.key")?)
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls-rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-rustls")))]
    pub fn client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls = self.tls.as_client(certificate_pem, key_pem);
        self
    }

    /// Connects to the server. It need not be inside a runtime: the store has its own.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the URL or a setting is wrong, or if the first attempt to connect fails:
    /// nothing is there within the connect timeout, the login is refused, or what is there is not what
    /// the store needs.
    pub async fn connect(self) -> Result<RedisStore, ConnectError> {
        let store = self.connect_lazily()?;
        store.connected().await?;
        Ok(store)
    }

    /// Makes the store without waiting for the server, so that a service starts while it is away.
    /// Checks fail until it is there, at once and with the reason; the store connects by itself.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the URL or a setting is wrong.
    ///
    /// ```
    /// use fastlimit::{Rate, RateLimiter, RedisStore};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = RedisStore::builder("redis://127.0.0.1:1/").connect_lazily()?;
    /// let limiter = RateLimiter::new(store);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_lazily(self) -> Result<RedisStore, ConnectError> {
        self.validate()?;
        let endpoints = self.topology.urls().iter().map(|url| Endpoint::parse(url));
        let endpoints: Vec<Endpoint> = endpoints.collect::<Result<_, _>>()?;
        let first = endpoints.first().ok_or(NO_URL)?;
        #[cfg(feature = "tls-rustls")]
        if first.is_tls() {
            self.tls
                .config()
                .map_err(|reason| ConnectError::Certificate {
                    address: first.to_string(),
                    reason,
                })?;
        }
        let dial = Arc::new(DialSettings {
            connect_timeout: self.connect_timeout,
            client_name: Some(self.client_name),
            #[cfg(feature = "tls-rustls")]
            tls: self.tls,
        });
        let settings = Arc::new(Settings {
            clock: self.clock,
            timeout: self.timeout,
            connections: self.connections,
            most_waiting: self.max_waiting,
        });
        let thread = Thread::start().map_err(|error| ConnectError::NoThread {
            reason: error.to_string(),
        })?;
        let target = match self.topology {
            Topology::Standalone(_) => {
                let dialer = Dialer::new(first.clone(), Wanted::Standalone, Arc::clone(&dial));
                Some(Target::Address(Arc::new(dialer)))
            }
            Topology::Sentinel(_, name) => {
                let sentinels =
                    Sentinels::new(&endpoints, name, self.sentinel_login, Arc::clone(&dial));
                Some(Target::Master(Box::new(sentinels.ok_or(NO_URL)?)))
            }
            Topology::Cluster(_) => None,
        };
        let runtime = thread.runtime();
        let servers = match target {
            Some(target) => Servers::One(Server::start(target, settings, None, runtime)),
            None => {
                let cluster = Cluster::start(endpoints, dial, settings, runtime);
                Servers::Cluster(cluster.ok_or(NO_URL)?)
            }
        };
        Ok(RedisStore::new(servers, self.timeout, thread))
    }

    fn validate(&self) -> Result<(), ConnectError> {
        let rules = [
            ("timeout", !self.timeout.is_zero(), "longer than zero"),
            (
                "connect_timeout",
                !self.connect_timeout.is_zero(),
                "longer than zero",
            ),
            ("connections", self.connections > 0, "at least 1"),
            ("max_waiting", self.max_waiting > 0, "at least 1"),
            (
                "client_name",
                is_client_name(&self.client_name),
                "printable ASCII without spaces",
            ),
        ];
        match rules.into_iter().find(|(_, is_valid, _)| !is_valid) {
            Some((setting, _, expected)) => Err(ConnectError::InvalidSetting { setting, expected }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Leaves the password and the certificates out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = self.topology.urls().iter();
        let servers: Vec<_> = urls.map(|url| Endpoint::parse(url)).collect();
        f.debug_struct("RedisStoreBuilder")
            .field("servers", &servers)
            .field("clock", &self.clock)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("connections", &self.connections)
            .field("max_waiting", &self.max_waiting)
            .field("client_name", &self.client_name)
            .finish_non_exhaustive()
    }
}
