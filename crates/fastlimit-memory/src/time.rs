use std::sync::Arc;
use std::time::Duration;

use fastlimit_core::store::{Operation, Request};
use fastlimit_core::{Algorithm, Clock, Decision, Limit, SystemClock, Timestamp};

use crate::coarse;

/// A coarse reading is no later than the precise time and not as much as this earlier: ticks are
/// 1 to 10 ms apart.
const GRAIN: Duration = Duration::from_millis(20);

/// Shorter periods are counted by precise readings alone.
const SHORTEST_COARSE_PERIOD: u64 = 1_000;

/// Where a store's time comes from.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    /// The system's clock: read coarsely where that answers as well.
    System,
    Given(Arc<dyn Clock>),
}

/// A time that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) now: Timestamp,
    may_lag: bool,
}

impl Time {
    /// The time for a request.
    #[inline]
    pub(crate) fn read(&self, request: &Request<'_>) -> Reading {
        let may_lag = matches!(self, Self::System) && is_served_by_a_tick(request);
        let now = match may_lag {
            true => coarse::now(),
            false => self.precise(),
        };
        Reading { now, may_lag }
    }

    /// The time without a lag.
    pub(crate) fn precise(&self) -> Timestamp {
        match self {
            Self::System => SystemClock.now(),
            Self::Given(clock) => clock.now(),
        }
    }
}

impl Reading {
    /// Tells whether a precise reading may give another answer: whoever waits for as long as a
    /// denial says must not be denied because the reading lags behind.
    #[inline]
    pub(crate) fn is_in_doubt(&self, decision: &Decision) -> bool {
        let is_about_to_pass = || decision.retry_after().is_some_and(|wait| wait <= GRAIN);
        self.may_lag && decision.is_denied() && is_about_to_pass()
    }
}

/// Only checks are so frequent that a reading's price matters, and a second is so long that a
/// tick does not; but a log dates what it admits, and promises to be exact in any interval.
fn is_served_by_a_tick(request: &Request<'_>) -> bool {
    let is_served = |limit: &Limit| {
        limit.rate().period_millis() >= SHORTEST_COARSE_PERIOD
            && limit.algorithm() != Algorithm::SlidingLog
    };
    matches!(request.operation(), Operation::Check(_)) && request.limits().iter().all(is_served)
}
