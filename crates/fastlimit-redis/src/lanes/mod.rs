//! The connections that requests share.

mod connector;
mod lane;
mod slot;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

pub(crate) use connector::Connector;
pub(crate) use lane::Lane;
use slot::{Filling, Slot};

use crate::ConnectError;

/// A few multiplexed connections, which requests take in turn. None is ever checked out: any
/// number of requests share a lane.
///
/// A lane that is lost is replaced by one task; requests go to the other lanes meanwhile, or
/// wait for it.
#[derive(Debug)]
pub(crate) struct Lanes {
    connector: Arc<Connector>,
    slots: Box<[Arc<Slot>]>,
    next: AtomicUsize,
}

impl Lanes {
    /// Opens all lanes.
    pub(crate) async fn open(connector: Connector, count: usize) -> Result<Self, ConnectError> {
        let lanes = Self {
            connector: Arc::new(connector),
            slots: (0..count).map(|_| Arc::default()).collect(),
            next: AtomicUsize::new(0),
        };
        let arrived = Instant::now();
        let fillings: Vec<_> = {
            let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
            let filling = |slot: &Arc<Slot>| slot.lane(&lanes.connector, &runtime).err();
            lanes.slots.iter().filter_map(filling).collect()
        };
        for filling in fillings {
            lanes.wait_for(filling, arrived).await?;
        }
        Ok(lanes)
    }

    /// Returns a lane that is open, after at most the connect timeout.
    pub(crate) async fn lane(&self) -> Result<Arc<Lane>, ConnectError> {
        let arrived = Instant::now();
        match self.pick()? {
            Ok(lane) => Ok(lane),
            Err(filling) => self.wait_for(filling, arrived).await,
        }
    }

    /// Drops a lane that is of no use any more. What is under way on it goes on.
    pub(crate) fn forget(&self, lane: &Arc<Lane>) {
        for slot in &self.slots {
            slot.forget(lane);
        }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Takes the next lane that is open, and has those filled that are not.
    fn pick(&self) -> Result<Result<Arc<Lane>, Filling>, ConnectError> {
        // A runtime is needed for the timeouts too, so it is asked for even if a lane is open.
        let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let count = self.slots.len();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let (before, from) = self.slots.split_at(turn.checked_rem(count).unwrap_or(0));
        let mut latest: Option<Filling> = None;
        for slot in from.iter().chain(before) {
            match slot.lane(&self.connector, &runtime) {
                Ok(lane) => return Ok(Ok(lane)),
                Err(filling) => {
                    latest = latest
                        .filter(|latest| latest.began() >= filling.began())
                        .or(Some(filling));
                }
            }
        }
        // The builder refuses to open no lanes.
        latest.map(Err).ok_or(ConnectError::InvalidSetting {
            setting: "connections",
            expected: "at least 1",
        })
    }

    async fn wait_for(
        &self,
        mut filling: Filling,
        arrived: Instant,
    ) -> Result<Arc<Lane>, ConnectError> {
        let filled = async {
            loop {
                match filling.result().await {
                    Some(Ok(lane)) => return Ok(lane),
                    Some(Err(error)) if filling.began() >= arrived => return Err(error),
                    // An attempt from before the request says nothing of the server now.
                    Some(Err(_)) => {}
                    // The task that made it is gone, with its runtime; if it is this one that
                    // shuts down, that must have its turn.
                    None => yield_now().await,
                }
                match self.pick()? {
                    Ok(lane) => return Ok(lane),
                    Err(next) => filling = next,
                }
            }
        };
        match timeout(self.connector.timeout(), filled).await {
            Ok(result) => result,
            Err(_) => Err(self.connector.timed_out()),
        }
    }
}
