use std::fmt;
use std::sync::Arc;

use fastlimit_core::{Clock, Entry, Key, Operation, Outcome, Reply, Request, Store};

use crate::MemoryStoreBuilder;
use crate::overflow::Overflow;
use crate::table::Table;

/// One call in so many drops a few entries that have expired; every new subject does, too.
const CALLS_PER_SWEEP: u32 = 16;

/// A store in this process. Clones share its state.
///
/// ```
/// use fastlimit_core::{ManualClock, Policy, RateLimiter};
/// use fastlimit_memory::MemoryStore;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), fastlimit_core::Error> {
/// let clock = ManualClock::default();
/// let limiter = RateLimiter::new(MemoryStore::builder().clock(clock.clone()).build());
/// let policy = Policy::new("login", "1/minute")?;
///
/// assert!(limiter.check("user:42", &policy).await?.is_allowed());
/// assert!(limiter.check("user:42", &policy).await?.is_denied());
///
/// clock.advance(Duration::from_secs(60));
/// assert!(limiter.check("user:42", &policy).await?.is_allowed());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    table: Table,
    overflow: Overflow,
}

impl MemoryStore {
    /// Creates a store on the system's clock, without a bound on its subjects.
    ///
    /// ```
    /// use fastlimit_core::RateLimiter;
    /// use fastlimit_memory::MemoryStore;
    ///
    /// let limiter = RateLimiter::new(MemoryStore::new());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts a store whose clock or bound you set.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::new()
    }

    pub(crate) fn from_parts(clock: Arc<dyn Clock>, max_subjects: usize) -> Self {
        let inner = Inner {
            clock,
            table: Table::new(max_subjects),
            overflow: Overflow::default(),
        };
        Self {
            inner: Arc::new(inner),
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
    ///
    /// ```
    /// use fastlimit_core::{Key, RateLimiter, Rate};
    /// use fastlimit_memory::MemoryStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), fastlimit_core::Error> {
    /// let store = MemoryStore::new();
    /// let limiter = RateLimiter::new(store.clone());
    /// assert!(limiter.check("42", Rate::per_hour(1)?).await?.is_allowed());
    /// assert!(store.entry(&Key::new("fl", "default", "default", "42")).is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn entry(&self, key: &Key<'_>) -> Option<Entry> {
        let hash = self.inner.table.hash(key);
        self.inner.table.lock(hash).get_mut(key, hash).cloned()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        Reply::ready(Ok(self.inner.apply(request)))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

impl Inner {
    fn apply(&self, request: &Request<'_>) -> Outcome {
        let key = request.key();
        let hash = self.table.hash(&key);
        let mut shard = self.table.lock(hash);
        // Read under the lock: a caller that was held up before it must not bring an older time
        // than the state that others dropped meanwhile.
        let now = self.clock.now();

        if let Some(entry) = shard.get_mut(&key, hash) {
            let applied = entry.apply(request.limits(), request.operation(), now);
            if entry.is_empty() {
                shard.remove(&key, hash);
            }
            drop(shard);
            if fastrand::u32(..CALLS_PER_SWEEP) == 0 {
                self.table.sweep(now);
            }
            return applied.outcome;
        }

        let mut entry = Entry::new();
        let applied = entry.apply(request.limits(), request.operation(), now);
        if !applied.changed && !self.table.is_full() {
            return applied.outcome;
        }
        if applied.changed
            && let Some(place) = self.table.reserve()
        {
            shard.insert(&key, hash, entry, place);
            drop(shard);
            self.table.sweep(now);
            return applied.outcome;
        }
        // Shards are searched one at a time, never two under one caller's lock.
        drop(shard);
        self.apply_when_full(request, hash)
    }

    /// Applies a request of a subject that the full table did not hold.
    fn apply_when_full(&self, request: &Request<'_>, hash: u64) -> Outcome {
        let key = request.key();
        let now = self.clock.now();
        let fresh = Entry::new().apply(request.limits(), request.operation(), now);
        let place = match request.operation() {
            // Nothing is known of the subject, so there is nothing to forget: the shared entry
            // is not this subject's to reset.
            Operation::Reset => return fresh.outcome,
            _ if fresh.changed => self.table.reserve().or_else(|| self.table.evict(now)),
            // Nobody has to go for what needs no place, such as a peek.
            _ if self.table.could_evict(now) => return fresh.outcome,
            _ => None,
        };
        let Some(place) = place else {
            return self.overflow.apply(request, now);
        };
        let mut shard = self.table.lock(hash);
        let now = self.clock.now();
        // Another caller may have inserted the subject meanwhile.
        if let Some(entry) = shard.get_mut(&key, hash) {
            return entry
                .apply(request.limits(), request.operation(), now)
                .outcome;
        }
        let mut entry = Entry::new();
        let applied = entry.apply(request.limits(), request.operation(), now);
        if applied.changed {
            shard.insert(&key, hash, entry, place);
        }
        applied.outcome
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("subjects", &self.len())
            .field("clock", &self.inner.clock)
            .finish_non_exhaustive()
    }
}
