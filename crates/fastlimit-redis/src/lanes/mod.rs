//! The connections that requests share.

mod connector;
mod lane;
mod queue;
mod slot;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

pub(crate) use connector::Connector;
pub(crate) use lane::{Lane, Sent};
use slot::{Filling, Slot};

use crate::ConnectError;

/// A few multiplexed connections. None is ever checked out: any number of requests share a lane.
/// Those of one key go by the same lane while it is open, so they stay in their order; those that are
/// asked for together go by that of the first.
///
/// A lane that is lost is replaced by one task; requests go to the other lanes meanwhile, or
/// wait for it.
#[derive(Debug)]
pub(crate) struct Lanes {
    connector: Arc<Connector>,
    slots: Box<[Arc<Slot>]>,
}

impl Lanes {
    /// Opens all lanes.
    pub(crate) async fn open(connector: Connector, count: usize) -> Result<Self, ConnectError> {
        let lanes = Self {
            connector: Arc::new(connector),
            slots: (0..count).map(|_| Arc::default()).collect(),
        };
        let arrived = Instant::now();
        let fillings: Vec<_> = {
            let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
            let filling = |slot: &Arc<Slot>| slot.lane(&lanes.connector, &runtime).err();
            lanes.slots.iter().filter_map(filling).collect()
        };
        for filling in fillings {
            lanes.wait_for(filling, 0, arrived).await?;
        }
        Ok(lanes)
    }

    /// Returns a lane that is open, for a key of this hash, after at most the connect timeout.
    /// The current runtime comes with it.
    pub(crate) async fn lane(&self, hash: u64) -> Result<(Arc<Lane>, Handle), ConnectError> {
        let arrived = Instant::now();
        let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let lane = match self.pick(hash, &runtime)? {
            Ok(lane) => lane,
            Err(filling) => self.wait_for(filling, hash, arrived).await?,
        };
        Ok((lane, runtime))
    }

    /// Returns a lane that is open, if there is one, and has those filled that are not.
    pub(crate) fn open_lane(&self, hash: u64, runtime: &Handle) -> Option<Arc<Lane>> {
        self.pick(hash, runtime).ok()?.ok()
    }

    /// Drops a lane that is of no use any more. What is under way on it goes on.
    pub(crate) fn forget(&self, lane: &Arc<Lane>) {
        for slot in &self.slots {
            slot.forget(lane);
        }
    }

    /// Drops all lanes that are open. What is under way on them goes on.
    pub(crate) fn forget_all(&self) {
        for slot in &self.slots {
            slot.forget_any();
        }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Takes the lane of the hash or the next that is open, and has those filled that are not.
    fn pick(
        &self,
        hash: u64,
        runtime: &Handle,
    ) -> Result<Result<Arc<Lane>, Filling>, ConnectError> {
        let count = u64::try_from(self.slots.len()).unwrap_or(1);
        // The upper half, since a batch tells its keys apart by the lower bits.
        let first = (hash >> 32).checked_rem(count).unwrap_or(0);
        let first = usize::try_from(first).unwrap_or(0);
        let (before, from) = self.slots.split_at_checked(first).unwrap_or_default();
        let mut latest: Option<Filling> = None;
        for slot in from.iter().chain(before) {
            match slot.lane(&self.connector, runtime) {
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
        hash: u64,
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
                let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
                match self.pick(hash, &runtime)? {
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
