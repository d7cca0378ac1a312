use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// A source of time for a store.
///
/// A store is given its clock when it is built. A clock may step back: the models never hand
/// out fresh quota for it (see [`Entry`](crate::store::Entry)).
///
/// ```
/// use fastlimit::{Clock, Timestamp};
///
/// #[derive(Debug)]
/// struct Stopped;
///
/// impl Clock for Stopped {
///     fn now(&self) -> Timestamp {
///         Timestamp::from_millis(1_700_000_000_000)
///     }
/// }
///
/// assert_eq!(Stopped.now(), Stopped.now());
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock set before 1970 reads as the epoch.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp::EPOCH.saturating_add(since_epoch)
    }
}

/// A clock that stands still until it is told to move: for tests without sleeps.
///
/// Clones share the time.
///
/// ```
/// use fastlimit::{Clock, ManualClock, Timestamp};
/// use std::time::Duration;
///
/// let clock = ManualClock::new(Timestamp::from_millis(60_000));
/// let seen_by_store = clock.clone();
///
/// clock.advance(Duration::from_secs(30));
/// assert_eq!(seen_by_store.now(), Timestamp::from_millis(90_000));
/// clock.step_back(Duration::from_secs(40));
/// assert_eq!(clock.now(), Timestamp::from_millis(50_000));
/// clock.set(Timestamp::EPOCH);
/// assert_eq!(clock.now(), ManualClock::default().now());
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    millis: Arc<AtomicU64>,
}

impl ManualClock {
    /// Creates a clock that shows `now`; the default clock shows the epoch.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let clock = Self::default();
        clock.set(now);
        clock
    }

    /// Sets the time, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.change(|now| now.saturating_add(by));
    }

    /// Moves the time back, as a clock that is corrected does.
    pub fn step_back(&self, by: Duration) {
        self.change(|now| now.saturating_sub(by));
    }

    fn change(&self, step: impl Fn(Timestamp) -> Timestamp) {
        let next = |millis| Some(step(Timestamp::from_millis(millis)).as_millis());
        // The closure never answers `None`, so neither arm needs looking at.
        let _ = self
            .millis
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}
