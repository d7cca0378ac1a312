use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ahash::RandomState;
use fastlimit_core::store::{Reply, Request};
use fastlimit_core::{Clock, Decision, Store, StoreError, Timestamp};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use crate::batch::{Answer, HashedKey, Item, ItemKey, Ticket};
use crate::driver::{Driver, Lost};
use crate::endpoint::Endpoint;
use crate::lanes::{Lane, Lanes};
use crate::lone_call::LoneCall;
use crate::shape::Shape;
use crate::{ConnectError, RedisStoreBuilder, failure};

/// A store that keeps the state of limits in Redis.
///
/// Cloning is cheap, and clones share their connections. A store lives as long as you like: it
/// connects again by itself when its server was away, or when the runtime is gone that it was
/// connected on.
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
/// - `NotSent` if there was no connection within the connect timeout, or if what was sent before
///   it was not answered within the response timeout,
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

/// What the store's clones and drivers share.
pub(crate) struct Inner {
    lanes: Lanes,
    clock: Option<Arc<dyn Clock>>,
    response_timeout: Duration,
    hasher: RandomState,
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
                hasher: RandomState::new(),
            }),
        }
    }
}

impl Inner {
    /// The time of the given clock, if one was given.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.clock.as_ref().map(Clock::now)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.lanes.connector().endpoint()
    }

    pub(crate) fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// Gives a lane up: the next request goes by another one, and so may what waits for it.
    pub(crate) fn lose(&self, lane: &Arc<Lane>, lost: &Lost) {
        tracing::debug!(server = %self.endpoint(), "connection dropped");
        match lost {
            Lost::Connection => self.lanes.forget(lane),
            // It is the server or the way to it that hangs, not one connection.
            Lost::Patience(_) => self.lanes.forget_all(),
        }
        for batch in lane.queue().close() {
            match lost {
                Lost::Connection => batch.give_back(),
                Lost::Patience(error) => batch.fail(error),
            }
        }
    }

    /// Sends an item if nothing else is under way on a lane, else puts it into its queue; `None` if
    /// the lane is lost.
    fn ask(
        self: &Arc<Self>,
        lane: Arc<Lane>,
        runtime: &Handle,
        key: &impl ItemKey,
        shape: &Shape,
    ) -> Option<UnderWay> {
        if lane.is_driven_by(runtime.id())
            && let Some(call) = LoneCall::send(self, &lane, key, shape)
        {
            return Some(UnderWay::Alone(call));
        }
        let waiting = self.enqueue(lane, runtime, key, shape)?;
        Some(UnderWay::Together(waiting))
    }

    /// Puts an item into the queue of a lane; `None` if the lane is lost.
    fn enqueue(
        self: &Arc<Self>,
        lane: Arc<Lane>,
        runtime: &Handle,
        key: &impl ItemKey,
        shape: &Shape,
    ) -> Option<Waiting> {
        let added = lane.queue().add(key, shape)?;
        if added.needs_driver {
            Driver::start(self, &lane);
        }
        Some(Waiting {
            ticket: added.tickets,
            is_driven_here: lane.is_driven_by(runtime.id()),
            lane,
        })
    }

    /// Puts requests into the queue of one lane, that of the first, so that they leave together.
    /// `None` if no lane is open, and of a single one, which may go alone.
    fn enqueue_all(self: &Arc<Self>, requests: &[Request<'_>]) -> Option<Vec<Waiting>> {
        let runtime = Handle::try_current().ok()?;
        let items = requests.iter().map(|request| {
            let key = HashedKey::new(request.key(), &self.hasher);
            Some((key, Shape::new(request).ok()?))
        });
        let items = items.collect::<Option<Vec<_>>>()?;
        let [(first, _), _, ..] = items.as_slice() else {
            return None;
        };
        let lane = self.lanes.open_lane(first.hash(), &runtime)?;
        let added = lane.queue().add_all(&items)?;
        if added.needs_driver {
            Driver::start(self, &lane);
        }
        let is_driven_here = lane.is_driven_by(runtime.id());
        let waiting = added.tickets.into_iter().map(|ticket| Waiting {
            ticket,
            is_driven_here,
            lane: Arc::clone(&lane),
        });
        Some(waiting.collect())
    }

    /// Waits for the answer of an item.
    async fn answer(&self, waiting: Waiting) -> Answer {
        let Waiting {
            mut ticket,
            lane,
            is_driven_here,
        } = waiting;
        if is_driven_here {
            // The call's own timeout runs where this runs.
            return ticket.await;
        }
        // Another runtime drives the lane, and may stand still.
        let patience = self.response_timeout.saturating_mul(2);
        if let Ok(answer) = timeout(patience, &mut ticket).await {
            return answer;
        }
        let error = failure::queued_too_long(self.endpoint(), patience);
        self.lose(&lane, &Lost::Patience(error));
        // What was in the queue still has its answer by now.
        let late = poll_fn(|context| Poll::Ready(Pin::new(&mut ticket).poll(context))).await;
        match late {
            Poll::Ready(answer) => answer,
            Poll::Pending => Answer::Is(Err(failure::not_driven(self.endpoint(), patience))),
        }
    }

    /// Sees to it that what was never sent is.
    async fn finish(self: &Arc<Self>, answer: Answer) -> Result<Decision, StoreError> {
        match answer {
            Answer::Is(result) => result,
            // Rare, and too large to be carried along by every request.
            Answer::Unsent(item) => Box::pin(self.run(item)).await,
        }
    }

    /// Carries out an item that has no lane yet.
    async fn run(self: &Arc<Self>, mut item: Item) -> Result<Decision, StoreError> {
        let began = Instant::now();
        loop {
            let (lane, runtime) = self
                .lanes
                .lane(item.hash)
                .await
                .map_err(failure::not_sent)?;
            if let Some(waiting) = self.enqueue(lane, &runtime, &item, &item.shape) {
                match self.answer(waiting).await {
                    Answer::Is(result) => return result,
                    Answer::Unsent(unsent) => item = unsent,
                }
            }
            if began.elapsed() > self.response_timeout {
                return Err(failure::turned_away(self.endpoint()));
            }
        }
    }
}

/// An item that is asked for, by a call of its own or in the queue of a lane.
#[allow(
    clippy::large_enum_variant,
    reason = "it is moved into its future at once"
)]
enum UnderWay {
    Alone(LoneCall),
    Together(Waiting),
}

/// An item that is in the queue of a lane.
struct Waiting {
    ticket: Ticket,
    lane: Arc<Lane>,
    /// Whether the caller's runtime drives the lane.
    is_driven_here: bool,
}

impl Store for RedisStore {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let shape = match Shape::new(request) {
            Ok(shape) => shape,
            Err(error) => return Reply::ready(Err(error)),
        };
        let inner = &self.inner;
        let key = HashedKey::new(request.key(), &inner.hasher);
        // Mostly there is a lane, and the key is written where it is sent from.
        let asked = Handle::try_current().ok().and_then(|runtime| {
            let lane = inner.lanes.open_lane(key.hash(), &runtime)?;
            inner.ask(lane, &runtime, &key, &shape)
        });
        match asked {
            Some(UnderWay::Alone(call)) => {
                Reply::pending(async move { inner.finish(call.answer().await).await })
            }
            Some(UnderWay::Together(waiting)) => {
                Reply::pending(async move { inner.finish(inner.answer(waiting).await).await })
            }
            None => Reply::pending(inner.run(Item::new(&key, shape))),
        }
    }

    fn apply_all(&self, requests: &[Request<'_>]) -> Vec<Reply<'_>> {
        let inner = &self.inner;
        let reply = |waiting| {
            Reply::pending(async move { inner.finish(inner.answer(waiting).await).await })
        };
        match inner.enqueue_all(requests) {
            Some(waiting) => waiting.into_iter().map(reply).collect(),
            // Each finds its own way.
            None => requests.iter().map(|request| self.apply(request)).collect(),
        }
    }

    fn answers_at_once(&self) -> bool {
        false
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
