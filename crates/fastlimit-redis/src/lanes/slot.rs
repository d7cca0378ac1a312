use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Connector, Lane};
use crate::ConnectError;

/// The pause after an attempt to connect that failed. Requests wait it out, so that the first
/// one after the server is back gets through; a refused connection is met this often at most.
const PAUSE: Duration = Duration::from_millis(20);

/// The place of a lane.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Vacant { not_before: Option<Instant> },
    Filling(Filling),
    Open(Arc<Lane>),
}

impl Default for State {
    fn default() -> Self {
        Self::Vacant { not_before: None }
    }
}

/// A lane to come: what one task gets, all who wait for it get.
#[derive(Clone, Debug)]
pub(super) struct Filling {
    result: watch::Receiver<Option<Result<Arc<Lane>, ConnectError>>>,
    began: Instant,
}

impl Slot {
    /// Returns the lane, or starts a task that fills the slot if there is none yet.
    pub(super) fn lane(
        self: &Arc<Self>,
        connector: &Arc<Connector>,
        runtime: &Handle,
    ) -> Result<Arc<Lane>, Filling> {
        let mut state = self.state();
        let not_before = match &*state {
            State::Open(lane) if !lane.has_ended() => return Ok(Arc::clone(lane)),
            State::Filling(filling) if filling.is_under_way() => return Err(filling.clone()),
            State::Vacant { not_before } => *not_before,
            State::Open(_) => {
                tracing::debug!(server = %connector.endpoint(), "connection ended");
                None
            }
            State::Filling(_) => None,
        };
        let (filled, result) = watch::channel(None);
        let now = Instant::now();
        let began = not_before.map_or(now, |not_before| not_before.max(now));
        let filling = Filling { result, began };
        *state = State::Filling(filling.clone());
        let (slot, connector) = (Arc::clone(self), Arc::clone(connector));
        // A task, so that a caller who goes away takes the lane from nobody.
        runtime.spawn(async move {
            if began > now {
                sleep_until(began).await;
            }
            let result = connector.open().await.map(Arc::new);
            *slot.state() = match &result {
                Ok(lane) => {
                    tracing::debug!(server = %connector.endpoint(), "connected");
                    State::Open(Arc::clone(lane))
                }
                Err(error) => {
                    tracing::debug!(%error, "not connected");
                    State::Vacant {
                        not_before: Instant::now().checked_add(PAUSE),
                    }
                }
            };
            filled.send_replace(Some(result));
        });
        Err(filling)
    }

    /// Empties the slot if it holds this lane.
    pub(super) fn forget(&self, lane: &Arc<Lane>) {
        let mut state = self.state();
        if matches!(&*state, State::Open(open) if Arc::ptr_eq(open, lane)) {
            *state = State::default();
        }
    }

    /// Empties the slot if it holds a lane.
    pub(super) fn forget_any(&self) {
        let mut state = self.state();
        if matches!(&*state, State::Open(_)) {
            *state = State::default();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filling {
    /// When the attempt to connect began or will begin.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Whether the task that fills the slot lives.
    fn is_under_way(&self) -> bool {
        self.result.has_changed().is_ok()
    }

    /// Waits for the lane; `None` if the task that fills the slot ended before it was done.
    pub(super) async fn result(&mut self) -> Option<Result<Arc<Lane>, ConnectError>> {
        let result = self.result.wait_for(Option::is_some).await.ok()?;
        result.clone()
    }
}
