//! One server, and the connections to it that all who ask share.

mod answers;
mod backoff;
mod calls;
mod elsewhere;
mod outage;
mod pace;
mod queue;
mod worker;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use fastlimit_core::{Clock, StoreError, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::sleep;

pub(crate) use backoff::pause;
pub(crate) use elsewhere::{Elsewhere, Router};
use outage::Outage;
pub(crate) use queue::{Ask, Queue};
use worker::Worker;

use crate::ConnectError;
use crate::batch::Batch;
use crate::dial::Connection;
use crate::failure;
use crate::first::First;
use crate::target::Target;

/// The least time that is left to what is under way when a server is left.
const LEAST_TO_END: Duration = Duration::from_secs(2);

/// What all servers of a store share.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// How long an answer may take from the moment of asking, where the request does not say.
    pub(crate) timeout: Duration,
    /// How many connections a server is given.
    pub(crate) connections: usize,
    /// How many requests may wait for one connection.
    pub(crate) most_waiting: usize,
}

/// A server with a few multiplexed connections, its lanes. None is ever checked out: any number of
/// requests share a lane. Those of one key go by the same lane while it is open, so they stay in their
/// order.
///
/// A lane that is lost is connected again, one attempt at a time for all lanes; requests go to the
/// other lanes meanwhile, or wait for it. What is known to fail fails at once.
pub(crate) struct Server {
    name: String,
    target: Target,
    /// At least one.
    lanes: Box<[Arc<Queue>]>,
    settings: Arc<Settings>,
    /// Held by the lane that connects.
    turn: Mutex<()>,
    /// How often connections failed since one brought an answer.
    failures: AtomicU32,
    outage: Outage,
    /// Whether the server has not said that its cluster is down.
    knows_its_cluster: AtomicBool,
    first: First,
    /// Of a server of a cluster.
    router: Option<Weak<dyn Router>>,
    tasks: OnceLock<Vec<AbortHandle>>,
}

impl Server {
    /// Makes a server and has it connected on a runtime.
    pub(crate) fn start(
        target: Target,
        settings: Arc<Settings>,
        router: Option<Weak<dyn Router>>,
        runtime: &Handle,
    ) -> Arc<Self> {
        let count = settings.connections.max(1);
        let lanes = (0..count).map(|_| Arc::new(Queue::new(settings.most_waiting)));
        let server = Arc::new(Self {
            name: target.to_string(),
            target,
            lanes: lanes.collect(),
            settings,
            turn: Mutex::default(),
            failures: AtomicU32::new(0),
            outage: Outage::default(),
            knows_its_cluster: AtomicBool::new(true),
            first: First::new(),
            router,
            tasks: OnceLock::new(),
        });
        let tasks = server.lanes.iter().map(|lane| {
            let worker = Worker::run(Arc::clone(&server), Arc::clone(lane));
            runtime.spawn(worker).abort_handle()
        });
        server.tasks.get_or_init(|| tasks.collect());
        server
    }

    /// Returns what waits, and closes the connections when what is under way is over.
    pub(crate) fn leave(self: &Arc<Self>, runtime: &Handle) -> Vec<Batch> {
        let waiting = self.lanes.iter().flat_map(|lane| lane.drain()).collect();
        let server = Arc::clone(self);
        runtime.spawn(async move {
            sleep(server.settings.timeout.saturating_mul(2).max(LEAST_TO_END)).await;
            for task in server.tasks.get().into_iter().flatten() {
                task.abort();
            }
            // Nobody waits for it any more.
            server.first.tell(Ok(()));
        });
        waiting
    }

    /// Waits for what comes of the first attempt to connect.
    pub(crate) async fn connected(&self) -> Result<(), ConnectError> {
        self.first.told().await
    }

    /// How the server is called in errors: its URL, without a password.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The lane for keys of a hash: that which they always take, or one that is open.
    pub(crate) fn lane(&self, hash: u64) -> &Queue {
        let count = u64::try_from(self.lanes.len()).unwrap_or(1);
        // The upper half, since a batch tells its keys apart by the lower bits.
        let first = (hash >> 32).checked_rem(count).unwrap_or(0);
        let first = usize::try_from(first).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "it is a remainder by their number")]
        let own = &self.lanes[first];
        if own.is_open() {
            return own;
        }
        self.usable_lane().unwrap_or(own)
    }

    /// A lane that is open, else one that opens.
    fn usable_lane(&self) -> Option<&Queue> {
        let mut lanes = self.lanes.iter().map(|lane| &**lane);
        let open = lanes.clone().find(|lane| lane.is_open());
        open.or_else(|| lanes.find(|lane| lane.is_opening()))
    }

    /// Whether there is a connection to a server that knows its cluster.
    pub(crate) fn is_trusted(&self) -> bool {
        self.knows_its_cluster.load(Ordering::Relaxed)
            && self.lanes.iter().any(|lane| lane.is_open())
    }

    /// Has batches wait for a lane that were to go another way.
    pub(crate) fn take_over(&self, batch: Batch) {
        let (_, hash) = batch.first_key();
        self.lane(hash).put_back(std::iter::once(batch));
    }

    fn is_of_cluster(&self) -> bool {
        self.router.is_some()
    }

    fn router(&self) -> Option<Arc<dyn Router>> {
        self.router.as_ref()?.upgrade()
    }

    /// Sends a batch to the server that this one named for it, which said so in an error.
    fn send_elsewhere(&self, mut elsewhere: Elsewhere, batch: Batch, said: &StoreError) {
        if matches!(elsewhere.host.as_str(), "" | "?") {
            self.target.host().clone_into(&mut elsewhere.host);
        }
        match self.router() {
            Some(_) if batch.len() == 0 => {}
            Some(router) => router.send_elsewhere(&elsewhere, batch, said),
            None => batch.fail(said),
        }
    }

    /// Sends a batch to the servers of its slots.
    fn route(&self, batch: Batch) {
        if let Some(router) = self.router() {
            router.route(batch);
        }
    }

    fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// The time of the given clock, if one was given.
    fn now(&self) -> Option<Timestamp> {
        self.settings.clock.as_ref().map(Clock::now)
    }

    /// Connects, however long it takes, while no other lane does.
    async fn connect(&self) -> Connection {
        let _turn = self.turn.lock().await;
        loop {
            sleep(pause(self.failures.load(Ordering::Relaxed))).await;
            match self.target.dial().await {
                Ok(connection) => {
                    tracing::debug!(server = %self.name, "connected");
                    self.first.tell(Ok(()));
                    return connection;
                }
                Err(error) => self.is_not_connected(error),
            }
        }
    }

    fn is_not_connected(&self, error: ConnectError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.outage.goes_on(&self.name, &error);
        self.first.tell(Err(error.clone()));
        let kind = error.kind_of_store_error();
        let error = StoreError::new(kind, error.to_string()).with_source(error);
        for lane in self.lanes.iter().filter(|lane| !lane.is_open()) {
            lane.shut(&error);
        }
        self.tell_router();
    }

    /// Notes that a connection brought its first answer.
    fn has_answered(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.outage.is_over(&self.name);
    }

    /// Notes whether the server knows how its cluster stands.
    fn knows_its_cluster(&self, does: bool) {
        if self.knows_its_cluster.swap(does, Ordering::Relaxed) && !does {
            self.tell_router();
        }
    }

    /// Waits until another server is the master; for ever where one server has one address.
    async fn moved(&self) {
        self.target.moved().await;
    }

    fn tell_router(&self) {
        if let Some(router) = self.router() {
            router.has_lost_a_server();
        }
    }

    /// Has what waits for a lane, and what comes, go another way. Where there is none it waits for the
    /// next connection, or fails if it is known what that would meet.
    fn leave_lane(&self, lane: &Queue, known_down: Option<&StoreError>) {
        lane.open_later();
        let waiting = lane.drain();
        if let Some(error) = known_down {
            lane.shut(error);
        }
        let other = self.usable_lane().unwrap_or(lane);
        other.put_back(waiting.into_iter());
    }

    /// Gives a lane up that has lost its connection, which was of use or not. What was not sent goes
    /// another way.
    fn lost(
        &self,
        lane: &Queue,
        was_of_use: bool,
        known_down: Option<&StoreError>,
        unsent: Vec<Batch>,
    ) {
        let failures = match was_of_use {
            // The next one is there in a moment.
            true => self.failures.fetch_max(1, Ordering::Relaxed),
            false => self.failures.fetch_add(1, Ordering::Relaxed),
        };
        self.outage.lost(&self.name, known_down);
        lane.put_back(unsent.into_iter());
        // It may be the server that ends each connection.
        let again = (failures > 0 && !was_of_use).then(|| failure::closed_again(&self.name));
        self.leave_lane(lane, known_down.or(again.as_ref()));
        self.tell_router();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
