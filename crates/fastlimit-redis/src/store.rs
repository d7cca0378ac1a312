use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::RandomState;
use fastlimit_core::store::{Key, Reply, Request};
use fastlimit_core::{Store, StoreError};

use crate::batch::{HashedKey, Ticket};
use crate::builder::Topology;
use crate::server::Ask;
use crate::servers::Servers;
use crate::shape::Shape;
use crate::thread::Thread;
use crate::{ConnectError, RedisStoreBuilder};

/// A store that keeps the state of limits in Redis.
///
/// Cloning is cheap, and clones share their connections. A thread of the store drives them, so a
/// store serves any number of runtimes and threads at once, tokio's or others: whoever asks awaits an
/// answer and needs nothing else. It connects again by itself when its server was away.
///
/// ```no_run
/// use fastlimit::{Policy, RateLimiter, RedisStore};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = RateLimiter::new(RedisStore::connect("redis://127.0.0.1/").await?);
/// let policy = Policy::new("api", "10/second; 1000/hour")?;
/// let decision = limiter.check("user:42", &policy).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A request fails with a [`StoreError`], whose [kind](fastlimit_core::StoreErrorKind) is
///
/// - `NotSent` if its time was up before it could be sent, if too many wait already, or, at once, while
///   the server is known to be away,
/// - `OutcomeUnknown` if it was sent and the answer did not come in time or cannot be read, or if the
///   connection broke meanwhile,
/// - `Refused` if the server would not do it now: out of memory, loading, a replica,
/// - `Misconfigured` if it will not do it at all: a permission or a command is missing,
/// - `ForeignData` if the key holds a value that is not this store's.
///
/// Nothing is ever sent again of which it is not known that the server has not done it.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    servers: Servers,
    timeout: Duration,
    hasher: RandomState,
    // Ends with the last clone.
    _thread: Thread,
}

impl RedisStore {
    /// Connects to the server of a URL, with the settings that the
    /// [builder](RedisStore::builder) starts from.
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::connect`].
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), fastlimit::ConnectError> {
    /// let store = fastlimit::RedisStore::connect("redis://127.0.0.1/").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// Starts to build a store for the server of a URL.
    ///
    /// ```
    /// use fastlimit::RedisStore;
    ///
    /// let builder = RedisStore::builder("redis://:secret@127.0.0.1/").connections(4);
    /// assert!(!format!("{builder:?}").contains("secret"));
    /// ```
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Topology::Standalone(url.into()))
    }

    /// Starts to build a store for a Redis Cluster, of which some nodes are given. Login, database and
    /// TLS of the first hold for all.
    ///
    /// ```no_run
    /// use fastlimit::RedisStore;
    ///
    /// # async fn run() -> Result<(), fastlimit::ConnectError> {
    /// let nodes = ["redis://10.0.0.1:7000/", "redis://10.0.0.2:7000/"];
    /// let store = RedisStore::cluster(nodes).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Topology::Cluster(all(urls)))
    }

    /// Starts to build a store for the master that Sentinels know by a name. The URLs are those of the
    /// Sentinels; user, password, database and TLS of the first hold for the master. Where the
    /// Sentinels ask for a login of their own, it is the builder's
    /// [`sentinel_login`](RedisStoreBuilder::sentinel_login).
    ///
    /// ```no_run
    /// use fastlimit::RedisStore;
    ///
    /// # async fn run() -> Result<(), fastlimit::ConnectError> {
    /// let sentinels = ["redis://10.0.0.1:26379/", "redis://10.0.0.2:26379/"];
    /// let store = RedisStore::sentinel(sentinels, "mymaster").connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sentinel<U: Into<String>>(
        urls: impl IntoIterator<Item = U>,
        master: impl Into<String>,
    ) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Topology::Sentinel(all(urls), master.into()))
    }

    pub(crate) fn new(servers: Servers, timeout: Duration, thread: Thread) -> Self {
        Self {
            inner: Arc::new(Inner {
                servers,
                timeout,
                hasher: RandomState::new(),
                _thread: thread,
            }),
        }
    }

    pub(crate) async fn connected(&self) -> Result<(), ConnectError> {
        self.inner.servers.connected().await
    }
}

fn all<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> Vec<String> {
    urls.into_iter().map(Into::into).collect()
}

impl Inner {
    fn ask<'a>(&self, request: &'a Request<'_>) -> Result<Ask<HashedKey<'a>>, StoreError> {
        let now = Instant::now();
        let timeout = request.timeout().unwrap_or(self.timeout);
        Ok(Ask {
            key: HashedKey::new(request.key(), &self.hasher),
            shape: Shape::new(request)?,
            deadline: now.checked_add(timeout).unwrap_or_else(|| distant(now)),
        })
    }
}

/// A deadline for who waits for ever.
fn distant(now: Instant) -> Instant {
    const A_YEAR: Duration = Duration::from_secs(365 * 86_400);
    now.checked_add(A_YEAR).unwrap_or(now)
}

fn reply<'a>(ticket: Result<Ticket, StoreError>) -> Reply<'a> {
    match ticket {
        Ok(ticket) => Reply::pending(ticket),
        Err(error) => Reply::ready(Err(error)),
    }
}

impl Store for RedisStore {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let ask = self.inner.ask(request);
        reply(ask.and_then(|ask| self.inner.servers.ask(ask)))
    }

    fn apply_all(&self, requests: &[Request<'_>]) -> Vec<Reply<'_>> {
        let asks = requests.iter().map(|request| self.inner.ask(request));
        match asks.collect::<Result<Vec<_>, _>>() {
            Ok(asks) => {
                let tickets = self.inner.servers.ask_all(asks);
                tickets.into_iter().map(reply).collect()
            }
            // Each says for itself what is wrong with it.
            Err(_) => requests.iter().map(|request| self.apply(request)).collect(),
        }
    }

    fn apply_everywhere(&self, request: &Request<'_>) -> Vec<Reply<'_>> {
        let key = request.key();
        let identifiers = match self.inner.servers.identifiers(key) {
            Ok(identifiers) => identifiers,
            Err(error) => return vec![Reply::ready(Err(error))],
        };
        let replies = identifiers.iter().map(|identifier| {
            let key = Key::new(key.prefix(), key.policy(), key.tenant(), identifier);
            self.apply(&request.with_key(key))
        });
        replies.collect()
    }

    fn answers_at_once(&self) -> bool {
        false
    }
}

impl fmt::Debug for RedisStore {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("servers", &self.inner.servers)
            .finish_non_exhaustive()
    }
}
