use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastlimit_core::Error;

/// How often an outage that goes on is told, and how long the store has to work until it is over.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the log that the store fails: when it begins, once a second with a count, and when it
/// ends. A line for each request would fill a disk when everything is on fire anyway. A clone
/// knows of no outage.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    /// Whether there is one, for requests that find the store well.
    is_on: AtomicBool,
    present: Mutex<Option<Present>>,
}

#[derive(Debug)]
struct Present {
    begun: Instant,
    failed: Instant,
    told: Instant,
    /// Requests since it was told.
    untold: u64,
    /// Requests since it began.
    requests: u64,
}

impl Outage {
    pub(crate) const fn none() -> Self {
        Self {
            is_on: AtomicBool::new(false),
            present: Mutex::new(None),
        }
    }

    /// Notes a request that the store had no answer for. `policy` is named, no key: it may be a
    /// secret. `consequence` says what becomes of such requests.
    #[cold]
    pub(crate) fn fails(&self, policy: &str, error: &Error, consequence: &str) {
        let now = Instant::now();
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_on.store(true, Ordering::Relaxed);
        let Some(outage) = &mut *present else {
            *present = Some(Present {
                begun: now,
                failed: now,
                told: now,
                untold: 0,
                requests: 1,
            });
            drop(present);
            tracing::warn!(policy, %error, "the store of the rate limiter fails; {consequence}");
            return;
        };
        outage.failed = now;
        outage.untold = outage.untold.saturating_add(1);
        outage.requests = outage.requests.saturating_add(1);
        if now.duration_since(outage.told) < PAUSE {
            return;
        }
        let requests = std::mem::take(&mut outage.untold);
        outage.told = now;
        drop(present);
        tracing::warn!(
            policy, %error, requests,
            "the store of the rate limiter still fails; {consequence}"
        );
    }

    /// Notes a request that is refused, and why others stay charged for it where they do.
    pub(crate) fn refuses(&self, policy: &str, not_given_back: Option<&Error>) {
        match not_given_back {
            None => self.works(),
            Some(error) => self.fails(
                policy,
                error,
                "others stay charged for requests that are refused",
            ),
        }
    }

    /// Notes a request that the store answered.
    #[inline]
    pub(crate) fn works(&self) {
        if self.is_on.load(Ordering::Relaxed) {
            self.ends();
        }
    }

    /// Ends the outage once nothing has failed for a while: a store that fails every other time
    /// would be told with each request.
    #[cold]
    fn ends(&self) {
        let now = Instant::now();
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |outage: &mut Present| now.duration_since(outage.failed) >= PAUSE;
        let Some(outage) = present.take_if(is_over) else {
            return;
        };
        self.is_on.store(false, Ordering::Relaxed);
        drop(present);
        let lasted = now.duration_since(outage.begun);
        let requests = outage.requests;
        tracing::info!(
            requests,
            ?lasted,
            "the store of the rate limiter works again"
        );
    }
}

impl Clone for Outage {
    fn clone(&self) -> Self {
        Self::none()
    }
}
