use std::fmt;
use std::sync::Arc;

use fastlimit_core::{
    Algorithm, Cost, Entry, Key, Limit, Operation, Outcome, Reply, Request, Store,
};

use crate::MemoryStoreBuilder;
use crate::name::Identifier;
use crate::overflow::Overflow;
use crate::table::{Locked, Table};
use crate::time::{Reading, Time};

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
    time: Time,
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

    pub(crate) fn from_parts(time: Time, max_subjects: usize) -> Self {
        let inner = Inner {
            time,
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
        let mut digest = String::new();
        let identifier = Identifier::of(key, &mut digest);
        let hash = self.inner.table.hash(key, identifier);
        let mut shard = self.inner.table.lock(hash);
        let at = shard.find(key, identifier, hash)?;
        shard.entry(at).cloned()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        if let Some(identifier) = Identifier::short(request.key_ref())
            && let [limit] = request.limits()
            && limit.algorithm() == Algorithm::FixedWindow
            && let Operation::Check(cost) = request.operation()
        {
            return self.inner.check_one(request, identifier, limit, cost);
        }
        self.inner.apply(request)
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

impl Inner {
    /// What [`apply`](Inner::apply) does, for the most frequent of requests.
    #[inline(always)]
    fn check_one(
        &self,
        request: &Request<'_>,
        identifier: Identifier<'_>,
        limit: &Limit,
        cost: Cost,
    ) -> Reply<'static> {
        let key = request.key_ref();
        let (limits, operation) = (std::slice::from_ref(limit), Operation::Check(cost));
        let hash = self.table.hash(key, identifier);
        let mut shard = self.table.lock(hash);
        // Read under the lock: a caller that was held up before it must not bring an older time
        // than the state that others dropped meanwhile.
        let reading = self.time.read(operation, limits);
        if let Some((_, entry)) = shard.find_first(key, identifier, hash)
            && let Some(simple) = entry.apply_if_simple(limits, operation, reading.now)
            && !reading.is_in_doubt(simple.verdict.retry_after())
        {
            self.finish_call(shard, reading);
            let outcome = Outcome::of_one(reading.now, simple.charged_at, simple.verdict);
            return Reply::ready(Ok(outcome));
        }
        self.check_locked(shard, request, hash, reading)
    }

    /// Takes few words, so that none is written to memory in the usual case.
    #[inline(never)]
    fn check_locked<'a>(
        &'a self,
        shard: Locked<'a>,
        request: &Request<'_>,
        hash: u64,
        reading: Reading,
    ) -> Reply<'static> {
        let mut digest = String::new();
        // Short, as before: nothing long is digested under a lock.
        let identifier = Identifier::of(request.key_ref(), &mut digest);
        self.apply_locked(shard, request, identifier, hash, reading)
    }

    #[inline(never)]
    fn apply(&self, request: &Request<'_>) -> Reply<'static> {
        let mut digest = String::new();
        let identifier = Identifier::of(request.key_ref(), &mut digest);
        let hash = self.table.hash(request.key_ref(), identifier);
        let shard = self.table.lock(hash);
        // Under the lock, as above.
        let reading = self.time.read(request.operation(), request.limits());
        self.apply_locked(shard, request, identifier, hash, reading)
    }

    fn apply_locked<'a>(
        &'a self,
        shard: Locked<'a>,
        request: &Request<'_>,
        identifier: Identifier<'_>,
        hash: u64,
        reading: Reading,
    ) -> Reply<'static> {
        let key = request.key_ref();
        Reply::ready(Ok(match shard.find(key, identifier, hash) {
            Some(at) => self.apply_to_known(shard, at, request, reading),
            None => self.apply_to_new(shard, request, identifier, hash, reading),
        }))
    }

    #[inline(always)]
    fn finish_call(&self, mut shard: Locked<'_>, reading: Reading) {
        let is_due = shard.count_call();
        drop(shard);
        if is_due {
            self.table.sweep(reading.now);
        }
    }

    /// Applies a request to what the shard holds of its subject at `at`.
    #[inline(never)]
    fn apply_to_known(
        &self,
        mut shard: Locked<'_>,
        at: u32,
        request: &Request<'_>,
        reading: Reading,
    ) -> Outcome {
        let Some(entry) = shard.entry(at) else {
            // A slot that was found is held.
            return Entry::new()
                .apply(request.limits(), request.operation(), reading.now)
                .outcome;
        };
        let outcome = self.apply_to(entry, request, reading);
        if entry.is_empty() {
            shard.remove(at);
        }
        self.finish_call(shard, reading);
        outcome
    }

    fn apply_to(&self, entry: &mut Entry, request: &Request<'_>, reading: Reading) -> Outcome {
        let outcome = entry
            .apply(request.limits(), request.operation(), reading.now)
            .outcome;
        if reading.is_in_doubt(outcome.retry_after()) {
            let now = self.time.precise();
            return entry
                .apply(request.limits(), request.operation(), now)
                .outcome;
        }
        outcome
    }

    /// Applies a request of a subject that its shard does not hold.
    #[inline(never)]
    fn apply_to_new<'a>(
        &'a self,
        mut shard: Locked<'a>,
        request: &Request<'_>,
        identifier: Identifier<'_>,
        hash: u64,
        reading: Reading,
    ) -> Outcome {
        let mut entry = Entry::new();
        let applied = entry.apply(request.limits(), request.operation(), reading.now);
        if !applied.changed && !self.table.is_full() {
            return applied.outcome;
        }
        if applied.changed
            && let Some(place) = self.table.reserve()
        {
            shard.insert(&request.key(), identifier, hash, entry, place);
            drop(shard);
            self.table.sweep(reading.now);
            return applied.outcome;
        }
        // Shards are searched one at a time, never two under one caller's lock.
        drop(shard);
        self.apply_when_full(request, identifier, hash)
    }

    /// Applies a request of a subject that the full table did not hold.
    fn apply_when_full(
        &self,
        request: &Request<'_>,
        identifier: Identifier<'_>,
        hash: u64,
    ) -> Outcome {
        let key = request.key();
        let now = self.time.precise();
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
        let reading = self.time.read(request.operation(), request.limits());
        // Another caller may have inserted the subject meanwhile.
        if let Some(at) = shard.find(&key, identifier, hash)
            && let Some(entry) = shard.entry(at)
        {
            return self.apply_to(entry, request, reading);
        }
        let mut entry = Entry::new();
        let applied = entry.apply(request.limits(), request.operation(), reading.now);
        if applied.changed {
            shard.insert(&key, identifier, hash, entry, place);
        }
        applied.outcome
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
