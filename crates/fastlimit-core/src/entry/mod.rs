//! All the state of one subject.

mod codec;
mod record;

use smallvec::SmallVec;

pub use codec::EntryError;
use record::Record;

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
    records: SmallVec<[Record; 1]>,
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
    pub fn apply(&mut self, limits: &[Limit], operation: Operation, now: Timestamp) -> Applied {
        let now = now.as_millis();
        match operation {
            Operation::Check(cost) => self.check(limits, cost, now, true),
            Operation::Peek(cost) => self.check(limits, cost, now, false),
            Operation::Charge(cost) => self.update(limits, now, |view| view.charge(cost)),
            Operation::Refund { cost, charged_at } => {
                let charged_at = charged_at.as_millis();
                self.update(limits, now, |view| view.refund(cost, charged_at))
            }
            Operation::Reset => self.reset(limits, now),
        }
    }

    /// Tells whether nothing is known of the subject.
    ///
    /// ```
    /// assert!(fastlimit_core::Entry::new().is_empty());
    /// ```
    #[must_use]
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
        let latest = self.records.iter().map(Record::expires_at).max();
        Timestamp::from_millis(latest.unwrap_or(0))
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
            .iter()
            .any(|record| record.is_spent(now.as_millis()))
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
            .iter()
            .map(|record| record.usage_per_mille(now.as_millis()))
            .max()
            .unwrap_or(0)
    }

    /// A check, or the peek that answers as it would.
    fn check(&mut self, limits: &[Limit], cost: Cost, now: u64, write: bool) -> Applied {
        if let [limit] = limits {
            return self.check_one(limit, cost, now, write);
        }
        let mut time = now;
        let mut denied = false;
        let standing: SmallVec<[Verdict; 1]> = limits
            .iter()
            .map(|limit| {
                let view = self.view(limit, now);
                time = time.max(view.time());
                view.admit(cost).map_or_else(
                    |verdict| {
                        denied = true;
                        verdict
                    },
                    |_| view.standing(),
                )
            })
            .collect();
        if denied {
            self.see(limits);
            return Applied::new(standing, now, time, false);
        }
        // All admit, so admitting is charging.
        let mut peeked = (!write).then(|| self.clone());
        peeked
            .as_mut()
            .unwrap_or(self)
            .update(limits, now, |view| view.charge(cost))
            .unchanged_if(!write)
    }

    fn check_one(&mut self, limit: &Limit, cost: Cost, now: u64, write: bool) -> Applied {
        let view = self.view(limit, now);
        let (verdict, changed) = match view.admit(cost) {
            Ok(admitted) => {
                let changed = write && admitted != view;
                if changed {
                    self.write(limit, &admitted);
                    if self.records.len() > 1 {
                        self.drop_dead(now);
                    }
                }
                (admitted.standing(), changed)
            }
            Err(denied) => (denied, false),
        };
        if !changed {
            self.see(std::slice::from_ref(limit));
        }
        Applied::new([verdict], now, view.time(), changed)
    }

    /// Changes the state of every limit; a record that stays the same is not written.
    fn update(&mut self, limits: &[Limit], now: u64, change: impl Fn(View) -> View) -> Applied {
        // All of them before the first is written, so that their order changes nothing.
        let views: SmallVec<[View; 2]> = limits.iter().map(|limit| self.view(limit, now)).collect();
        let time = views.iter().map(View::time).fold(now, u64::max);
        let mut changed = false;
        let verdicts: SmallVec<[Verdict; 1]> = limits
            .iter()
            .zip(views)
            .map(|(limit, view)| {
                let next = change(view);
                if next != view {
                    self.write(limit, &next);
                    changed = true;
                }
                next.standing()
            })
            .collect();
        if changed {
            self.drop_dead(now);
        }
        self.see(limits);
        Applied::new(verdicts, now, time, changed)
    }

    fn reset(&mut self, limits: &[Limit], now: u64) -> Applied {
        let before = self.records.len();
        self.records
            .retain(|record| !limits.iter().any(|limit| record.is_of(limit)));
        let changed = self.records.len() != before;
        if changed {
            self.drop_dead(now);
        }
        let fresh = limits
            .iter()
            .map(|limit| View::new(limit, None, now).standing());
        Applied::new(fresh, now, now, changed)
    }

    /// How a limit stands at `now`.
    fn view(&self, limit: &Limit, now: u64) -> View {
        let stored = self
            .records
            .iter()
            .find(|record| record.is_of(limit))
            .filter(|record| !record.is_from_the_future(now))
            .map(|record| record.state);
        View::new(limit, stored, now)
    }

    /// Writes the state of a limit.
    fn write(&mut self, limit: &Limit, view: &View) {
        let written = Record::new(limit, view);
        match self.records.iter_mut().find(|record| record.is_of(limit)) {
            Some(record) => *record = written,
            None => self.records.push(written),
        }
    }

    /// Drops what is dead, whenever something else is written anyway.
    fn drop_dead(&mut self, now: u64) {
        self.records
            .retain(|record| record.expires_at() > now && !record.is_from_the_future(now));
    }

    /// Notes the limits under which the records were last looked at.
    fn see(&mut self, limits: &[Limit]) {
        for limit in limits {
            if let Some(record) = self.records.iter_mut().find(|record| record.is_of(limit)) {
                record.limit = *limit;
            }
        }
    }
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

    fn unchanged_if(mut self, unchanged: bool) -> Self {
        self.changed &= !unchanged;
        self
    }
}

#[cfg(test)]
mod tests;
