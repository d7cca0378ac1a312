use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fastlimit_core::{Clock, Outcome, Reply, Request, Store, StoreError};
use redis::Value;

use crate::answer::Answer;
use crate::call::Call;
use crate::lanes::Lanes;
use crate::{ConnectError, RedisStoreBuilder, failure};

/// A store that keeps the state of limits in Redis.
///
/// Cloning is cheap, and clones share their connections. A store lives as long as you like: it
/// connects again by itself when its server was away, or when the runtime is gone that it was
/// connected on.
///
/// ```no_run
/// use fastlimit_core::{Policy, RateLimiter};
/// use fastlimit_redis::RedisStore;
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
/// - `NotSent` if there was no connection within the connect timeout,
/// - `OutcomeUnknown` if the answer did not come within the response timeout, if the connection
///   broke meanwhile, or if the answer cannot be read,
/// - `Refused` if the server would not do it now: out of memory, loading, a replica,
/// - `Misconfigured` if it will not do it at all: a permission or a command is missing,
/// - `ForeignData` if the key holds a value that is not this store's.
///
/// Nothing is ever sent again, except to a server that says it does not know the script.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    lanes: Lanes,
    clock: Option<Arc<dyn Clock>>,
    response_timeout: Duration,
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
    /// # async fn run() -> Result<(), fastlimit_redis::ConnectError> {
    /// let store = fastlimit_redis::RedisStore::connect("redis://127.0.0.1/").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// Starts to build a store for the server of a URL.
    ///
    /// ```
    /// use fastlimit_redis::RedisStore;
    ///
    /// let builder = RedisStore::builder("redis://:secret@127.0.0.1/").connections(4);
    /// assert!(!format!("{builder:?}").contains("secret"));
    /// ```
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }

    pub(crate) fn new(
        lanes: Lanes,
        clock: Option<Arc<dyn Clock>>,
        response_timeout: Duration,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                lanes,
                clock,
                response_timeout,
            }),
        }
    }
}

impl Inner {
    async fn run(&self, call: Call) -> Result<Outcome, StoreError> {
        let lane = self.lanes.lane().await.map_err(failure::not_sent)?;
        let endpoint = self.lanes.connector().endpoint();
        let mut reply = lane.send(call.by_hash()).await;
        if let Ok(Value::ServerError(error)) = &reply
            && failure::is_script_missing(error)
        {
            // The server did nothing, so this is the first time for it.
            reply = lane.send(&call.by_source()).await;
        }
        let (error, is_lane_lost) = match reply {
            Ok(Value::ServerError(error)) => {
                let is_lane_lost = failure::is_cured_by_reconnecting(&error);
                (failure::refused(endpoint, error), is_lane_lost)
            }
            Ok(reply) => match Answer::read(&reply, call.limits()) {
                Some(Answer::Outcome(outcome)) => return Ok(outcome),
                Some(Answer::ForeignData(what)) => (failure::foreign_data(&call, &what), false),
                // Whatever comes next on this lane cannot be trusted either.
                None => (failure::not_understood(endpoint), true),
            },
            Err(error) => {
                let error = failure::unanswered(endpoint, error, self.response_timeout);
                (error, true)
            }
        };
        if is_lane_lost {
            tracing::debug!(%error, "connection dropped");
            self.lanes.forget(&lane);
        }
        Err(error)
    }
}

impl Store for RedisStore {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let now = self.inner.clock.as_ref().map(Clock::now);
        match Call::new(request, now) {
            Ok(call) => Reply::pending(self.inner.run(call)),
            Err(error) => Reply::ready(Err(error)),
        }
    }
}

impl fmt::Debug for RedisStore {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", self.inner.lanes.connector().endpoint())
            .field("clock", &self.inner.clock)
            .finish_non_exhaustive()
    }
}
