//! All the state of one subject.

mod codec;
mod record;
mod records;
mod window;

use smallvec::SmallVec;

pub use codec::EntryError;
use record::Record;
use records::Records;
use window::Window;

use crate::algorithm::View;
use crate::{Cost, Limit, Operation, Outcome, Timestamp, Verdict};

/// The state of one subject: a record for each limit that it was charged for.
///
/// This is the whole of the exact model, without a clock and without I/O, and all that the
/// author of a store needs: read the entry of a key, [`apply`](Entry::apply) the request, and
/// write the entry back if it changed, in one atomic step.
///
/// An entry carries its own times. A store may keep it as long as it likes: it may drop it after
/// [`expires_at`](Entry::expires_at) to save space, no answer hangs on that.
///
/// # Time
///
/// A `now` older than a record is read as the record's time, so a clock that steps back hands
/// out no fresh quota. A record that is dated more than its period and one minute in the future
/// is read as absent, so a clock that was wrong and is put right locks nobody out.
///
/// ```
/// use fastlimit_core::{Cost, Entry, Limit, Operation, Timestamp};
/// use std::time::Duration;
///
/// let limits: [Limit; 1] = ["2/minute".parse()?];
/// let mut entry = Entry::new();
/// let now = Timestamp::from_millis(45_000);
///
/// let applied = entry.apply(&limits, Operation::Check(Cost::requests(2)), now);
/// assert!(applied.outcome.is_allowed() && applied.changed);
///
/// let applied = entry.apply(&limits, Operation::Check(Cost::ONE), now);
/// assert!(!applied.outcome.is_allowed() && !applied.changed);
/// assert_eq!(applied.outcome.retry_after(), Some(Duration::from_secs(15)));
/// # Ok::<(), fastlimit_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    records: Records,
}

/// What [`Entry::apply`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Applied {
    /// The answer.
    pub outcome: Outcome,
    /// Whether the entry changed, so that a store must write it. A denied check, a peek and a
    /// cost of zero change nothing.
    pub changed: bool,
}

/// What [`Entry::apply_if_simple`] did: the parts of an [`Outcome`] of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Simple {
    /// What the limit says.
    pub verdict: Verdict,
    /// The time of the state that was charged.
    pub charged_at: Timestamp,
    /// Whether the entry changed, so that a store must write it.
    pub changed: bool,
}

impl Entry {
    /// Creates the entry of a subject that nothing is known of.
    ///
    /// ```
    /// assert!(fastlimit_core::Entry::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one operation under all of `limits` or under none.
    ///
    /// Records of other limits are left as they are while they live.
    ///
    /// ```
    /// use fastlimit_core::{Cost, Entry, Operation, Policy, Timestamp};
    ///
    /// let policy: Policy = "10/second; 11/hour".parse()?;
    /// let mut entry = Entry::new();
    /// let now = Timestamp::from_millis(1_000);
    ///
    /// let ten = Operation::Check(Cost::requests(10));
    /// assert!(entry.apply(policy.limits(), ten, now).outcome.is_allowed());
    ///
    /// // A second later the first limit would allow ten more, the other one does not.
    /// let later = Timestamp::from_millis(2_000);
    /// let outcome = entry.apply(policy.limits(), ten, later).outcome;
    /// assert!(!outcome.is_allowed());
    /// assert_eq!(outcome.verdicts()[0].remaining(), Cost::requests(10));
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    pub fn apply(&mut self, limits: &[Limit], operation: Operation, now: Timestamp) -> Applied {
        match self.apply_if_simple(limits, operation, now) {
            Some(simple) => Applied {
                outcome: Outcome::of_one(now, simple.charged_at, simple.verdict),
                changed: simple.changed,
            },
            None => self.apply_any(limits, operation, now.as_millis()),
        }
    }

    /// Does what [`apply`](Entry::apply) does if that is simple: a check under one fixed window,
    /// where nothing but that window is known of the subject. Otherwise does nothing.
    ///
    /// These are by far the most requests: a store that counts nanoseconds asks here first.
    ///
    /// ```
    /// use fastlimit_core::{Cost, Entry, Limit, Operation, Timestamp};
    ///
    /// let limits: [Limit; 1] = ["2/minute".parse()?];
    /// let (check, now) = (Operation::Check(Cost::ONE), Timestamp::from_millis(45_000));
    /// let mut entry = Entry::new();
    /// assert!(entry.apply_if_simple(&limits, check, now).is_none());
    /// assert!(entry.apply(&limits, check, now).outcome.is_allowed());
    /// assert!(entry.apply_if_simple(&limits, check, now).is_some());
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[inline]
    pub fn apply_if_simple(
        &mut self,
        limits: &[Limit],
        operation: Operation,
        now: Timestamp,
    ) -> Option<Simple> {
        if let (Operation::Check(cost), [limit], Records::Window(window)) =
            (operation, limits, &mut self.records)
            && window.is_of(limit)
        {
            return Some(window.check(limit, cost, now));
        }
        None
    }

    fn apply_any(&mut self, limits: &[Limit], operation: Operation, now: u64) -> Applied {
        match operation {
            Operation::Check(cost) => match self.only_record(limits) {
                Some((record, limit)) => record.check(limit, cost, now),
                None => self.check(limits, cost, now, true),
            },
            Operation::Peek(cost) => self.check(limits, cost, now, false),
            Operation::Charge(cost) => self.update(limits, now, |view| view.charge(cost)),
            Operation::Refund { cost, charged_at } => {
                let charged_at = charged_at.as_millis();
                self.update(limits, now, |view| view.refund(cost, charged_at))
            }
            Operation::Reset => self.reset(limits, now),
        }
    }

    /// The record of a lone limit, if nothing else is known of the subject.
    fn only_record<'l>(&mut self, limits: &'l [Limit]) -> Option<(&mut Record, &'l Limit)> {
        match (&mut self.records, limits) {
            (Records::List(list), [limit]) => match list.as_mut_slice() {
                [record] if record.is_of(limit) => Some((record, limit)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Tells whether nothing is known of the subject.
    ///
    /// ```
    /// assert!(fastlimit_core::Entry::new().is_empty());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the time up to which the entry should be kept: when it is as good as absent and
    /// a grace has passed besides, the lesser of one period and one minute, so that a clock
    /// which steps back by no more than that finds what it left. A store may drop the entry as
    /// soon as its clock is past that time. [`Timestamp::EPOCH`] if the entry is empty.
    ///
    /// ```
    /// use fastlimit_core::{Cost, Entry, Limit, Operation, Timestamp};
    ///
    /// let limits: [Limit; 1] = ["2/second".parse()?];
    /// let mut entry = Entry::new();
    /// let _ = entry.apply(&limits, Operation::Check(Cost::ONE), Timestamp::from_millis(5_300));
    /// assert_eq!(entry.expires_at(), Timestamp::from_millis(7_000));
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        let latest = match &self.records {
            Records::Window(window) => window.expires_at(),
            Records::List(list) => list.iter().map(Record::expires_at).max().unwrap_or(0),
        };
        Timestamp::from_millis(latest)
    }

    /// Tells whether less than one request is left in any limit at `now`, by the capacities
    /// last seen: a bounded store must not evict such a subject, else it would be allowed again.
    ///
    /// ```
    /// use fastlimit_core::{Cost, Entry, Limit, Operation, Timestamp};
    ///
    /// let limits: [Limit; 1] = ["2/second".parse()?];
    /// let mut entry = Entry::new();
    /// let now = Timestamp::from_millis(5_300);
    /// let _ = entry.apply(&limits, Operation::Check(Cost::ONE), now);
    /// assert!(!entry.is_spent(now));
    /// let _ = entry.apply(&limits, Operation::Check(Cost::ONE), now);
    /// assert!(entry.is_spent(now));
    /// assert!(!entry.is_spent(Timestamp::from_millis(6_000)));
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn is_spent(&self, now: Timestamp) -> bool {
        self.records
            .views(now.as_millis())
            .any(|view| view.is_spent())
    }

    /// Returns the part of the capacity that is in use at `now` in the limit that is used most,
    /// in thousandths, by the capacities last seen: evicting the subject with the least of it
    /// loses least.
    ///
    /// ```
    /// use fastlimit_core::{Cost, Entry, Limit, Operation, Timestamp};
    ///
    /// let limits: [Limit; 1] = ["4/second".parse()?];
    /// let mut entry = Entry::new();
    /// let now = Timestamp::from_millis(5_300);
    /// let _ = entry.apply(&limits, Operation::Check(Cost::ONE), now);
    /// assert_eq!(entry.usage_per_mille(now), 250);
    /// # Ok::<(), fastlimit_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn usage_per_mille(&self, now: Timestamp) -> u64 {
        self.records
            .views(now.as_millis())
            .map(|view| view.usage_per_mille())
            .max()
            .unwrap_or(0)
    }

    /// A check, or the peek that answers as it would.
    fn check(&mut self, limits: &[Limit], cost: Cost, now: u64, write: bool) -> Applied {
        let views = self.views(limits, now);
        let time = latest(&views, now);
        if views.iter().any(|view| view.admit(cost).is_err()) {
            self.records.see(limits);
            let verdicts = views.iter().map(|view| {
                view.admit(cost)
                    .map_or_else(|denied| denied, |_| view.standing())
            });
            return Applied::new(verdicts, now, time, false);
        }
        // All admit, so admitting is charging.
        let charged = |view: &View| view.charge(cost);
        if write {
            return self.write(limits, &views, charged, now);
        }
        self.records.see(limits);
        let verdicts = views.iter().map(|view| charged(view).standing());
        Applied::new(verdicts, now, time, false)
    }

    /// Changes the state of every limit.
    fn update(&mut self, limits: &[Limit], now: u64, change: impl Fn(&View) -> View) -> Applied {
        let views = self.views(limits, now);
        self.write(limits, &views, change, now)
    }

    fn reset(&mut self, limits: &[Limit], now: u64) -> Applied {
        let is_reset = |record: &Record| limits.iter().any(|limit| record.is_of(limit));
        let changed = self.records.iter().any(|record| is_reset(&record));
        if changed {
            self.records.change(|list| {
                list.retain(|record| !is_reset(record));
                drop_dead(list, now);
            });
        }
        let fresh = limits
            .iter()
            .map(|limit| View::new(limit, None, now).standing());
        Applied::new(fresh, now, now, changed)
    }

    /// How the limits stand at `now`: all of them before the first is written, so that their
    /// order changes nothing.
    fn views(&self, limits: &[Limit], now: u64) -> SmallVec<[View; 3]> {
        let view = |limit| {
            let stored = self
                .records
                .find(limit)
                .filter(|record| !record.is_from_the_future(now))
                .map(|record| record.state());
            View::new(limit, stored, now)
        };
        limits.iter().map(view).collect()
    }

    /// Writes what becomes of the limits' states; a record that stays the same is not written.
    fn write(
        &mut self,
        limits: &[Limit],
        views: &[View],
        change: impl Fn(&View) -> View,
        now: u64,
    ) -> Applied {
        let changed = views.iter().any(|view| change(view) != *view);
        if changed {
            self.records.change(|list| {
                list.reserve_exact(limits.len().saturating_sub(list.len()));
                for (limit, view) in limits.iter().zip(views) {
                    let next = change(view);
                    if next != *view {
                        put(
                            list,
                            Record::new(limit, next.state(), next.dead_at()),
                            limit,
                        );
                    }
                }
                drop_dead(list, now);
            });
        }
        self.records.see(limits);
        let verdicts = views.iter().map(|view| change(view).standing());
        Applied::new(verdicts, now, latest(views, now), changed)
    }
}

/// The latest time among those of the states.
fn latest(views: &[View], now: u64) -> u64 {
    views.iter().map(View::time).fold(now, u64::max)
}

fn put(list: &mut Vec<Record>, written: Record, limit: &Limit) {
    match list.iter_mut().find(|record| record.is_of(limit)) {
        Some(record) => *record = written,
        None => list.push(written),
    }
}

/// Drops what is dead, whenever something else is written anyway.
fn drop_dead(list: &mut Vec<Record>, now: u64) {
    list.retain(|record| record.expires_at() > now && !record.is_from_the_future(now));
}

impl Applied {
    fn new(
        verdicts: impl IntoIterator<Item = Verdict>,
        now: u64,
        charged_at: u64,
        changed: bool,
    ) -> Self {
        Self {
            outcome: Outcome::new(
                Timestamp::from_millis(now),
                Timestamp::from_millis(charged_at),
                verdicts,
            ),
            changed,
        }
    }
}

#[cfg(test)]
mod tests;
