use std::fmt;
use std::sync::Arc;

use fastlimit_core::store::{Entry, Key, Operation, Reply, Request};
use fastlimit_core::{Decision, Store};

use crate::MemoryStoreBuilder;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::overflow::Overflow;
use crate::table::Table;
use crate::time::Time;

/// One call in so many sweeps; those that bring a new subject or reset one all do.
const CALLS_PER_SWEEP: u8 = 32;

/// A store in this process. Clones share its state.
///
/// ```
/// use fastlimit::store::Key;
/// use fastlimit::{ManualClock, MemoryStore, Policy, RateLimiter};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), fastlimit::Error> {
/// let clock = ManualClock::default();
/// let store = MemoryStore::builder().clock(clock.clone()).build();
/// let limiter = RateLimiter::new(store.clone());
/// let policy = Policy::new("login", "1/minute")?;
///
/// assert!(limiter.check("user:42", &policy).await?.is_allowed());
/// assert!(limiter.check("user:42", &policy).await?.is_denied());
///
/// clock.advance(Duration::from_secs(60));
/// assert!(limiter.check("user:42", &policy).await?.is_allowed());
///
/// assert_eq!(store.len(), 1);
/// assert!(store.entry(&Key::new("fl", "login", "default", "user:42")).is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    time: Time,
    fingerprints: Fingerprints,
    pub(crate) table: Table,
    overflow: Overflow,
}

impl MemoryStore {
    /// Creates a store on the system's clock, without a bound on its subjects.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts a store whose clock or bound you set.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::new()
    }

    pub(crate) fn from_parts(time: Time, max_subjects: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                time,
                fingerprints: Fingerprints::new(),
                table: Table::new(max_subjects),
                overflow: Overflow::default(),
            }),
        }
    }

    /// Returns how many subjects the store holds, those included that have expired and were
    /// not dropped yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.table.len()
    }

    /// Tells whether the store holds no subject.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a copy of what the store holds of a key, for tests and inspection.
    #[must_use]
    pub fn entry(&self, key: &Key<'_>) -> Option<Entry> {
        let fingerprint = self.inner.fingerprints.of(key);
        Some(self.inner.table.get(fingerprint)?.clone())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let inner = &*self.inner;
        let fingerprint = inner.fingerprints.of(request.key());
        let Some(mut entry) = inner.table.get(fingerprint) else {
            return Reply::ready(Ok(inner.apply_to_new(request, fingerprint)));
        };
        // Read under the lock: a caller that was held up before it must not bring an older time
        // than the state that others dropped meanwhile.
        let reading = inner.time.read(request);
        let applied = entry.apply(request.limits(), request.operation(), reading.now);
        if reading.is_in_doubt(&applied.decision) {
            let again = entry.apply(request.limits(), request.operation(), inner.time.precise());
            return Reply::ready(Ok(again.decision));
        }
        let is_reset = entry.is_empty();
        drop(entry);
        if is_reset {
            inner.table.give_back(1);
        }
        if is_reset || fastrand::u8(..).is_multiple_of(CALLS_PER_SWEEP) {
            inner.table.sweep(reading.now);
        }
        Reply::ready(Ok(applied.decision))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

impl Inner {
    /// Applies a request of a subject of which nothing is known.
    #[inline(never)]
    fn apply_to_new(&self, request: &Request<'_>, fingerprint: Fingerprint) -> Decision {
        let (limits, operation) = (request.limits(), request.operation());
        let now = self.time.precise();
        let fresh = Entry::new().apply(limits, operation, now);
        let has_room = match operation {
            // There is nothing to forget, and an entry that is shared is not this subject's to
            // reset.
            Operation::Reset => return fresh.decision,
            _ if fresh.changed => self.table.reserve() || self.table.evict(now),
            // Nobody has to go for what needs no room, such as a peek.
            _ if self.table.could_have_room(now) => return fresh.decision,
            _ => false,
        };
        if !has_room {
            return self.overflow.apply(request, now);
        }
        // Another caller may have brought the subject in meanwhile, so this looks again, and
        // reads the time again under the lock.
        let decision = self.table.fill(fingerprint, |entry| {
            entry.apply(limits, operation, self.time.precise()).decision
        });
        self.table.sweep(now);
        decision
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("subjects", &self.len())
            .field("time", &self.inner.time)
            .finish_non_exhaustive()
    }
}
