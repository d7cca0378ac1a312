//! All the state of one subject.

mod codec;
mod record;
mod records;
#[cfg(test)]
mod tests;

pub use codec::EntryError;
use record::{InRecord, Record, TypedRecord, with_model, with_typed};
use records::Records;

use crate::algorithm::{Model, Standing};
use crate::decision::Statuses;
use crate::store::Operation;
use crate::{Cost, Decision, Limit, Timestamp};

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
/// use fastlimit::store::{Entry, Operation};
/// use fastlimit::{Cost, Limit, Timestamp};
/// use std::time::Duration;
///
/// let limits: [Limit; 1] = ["2/minute".parse()?];
/// let (check, now) = (Operation::Check(Cost::ONE), Timestamp::from_millis(45_000));
/// let mut entry = Entry::new();
///
/// assert!(entry.apply(&limits, check, now).decision.is_allowed());
/// assert_eq!(entry.usage_per_mille(now), 500);
/// assert!(entry.apply(&limits, check, now).changed);
/// assert!(entry.is_spent(now));
///
/// let applied = entry.apply(&limits, check, now);
/// assert!(applied.decision.is_denied() && !applied.changed);
/// assert_eq!(applied.decision.retry_after(), Some(Duration::from_secs(15)));
///
/// // As good as absent when the window is over; a minute later nobody needs it.
/// assert_eq!(entry.expires_at(), Timestamp::from_millis(120_000));
///
/// let mut bytes = Vec::new();
/// entry.write_to(&mut bytes);
/// assert_eq!(Entry::from_bytes(&bytes)?, entry);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    records: Records,
}

/// What [`Entry::apply`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Applied {
    /// The answer.
    pub decision: Decision,
    /// Whether the entry changed, so that a store must write it. A denied check, a peek and a
    /// cost of zero change nothing.
    pub changed: bool,
}

impl Entry {
    /// Creates the entry of a subject that nothing is known of.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            records: Records::NONE,
        }
    }

    /// Applies one operation under all of `limits` or under none. No two of them have the same
    /// algorithm and period.
    ///
    /// Records of other limits are left as they are while they live.
    ///
    /// ```
    /// use fastlimit::store::{Entry, Operation};
    /// use fastlimit::{Cost, Policy, Timestamp};
    ///
    /// let policy: Policy = "10/second; 11/hour".parse()?;
    /// let mut entry = Entry::new();
    /// let now = Timestamp::from_millis(1_000);
    ///
    /// let ten = Operation::Check(Cost::requests(10));
    /// assert!(entry.apply(policy.limits(), ten, now).decision.is_allowed());
    ///
    /// // A second later the first limit would allow ten more, the other one does not.
    /// let later = Timestamp::from_millis(2_000);
    /// let decision = entry.apply(policy.limits(), ten, later).decision;
    /// assert!(decision.is_denied());
    /// assert_eq!(decision.limits()[0].remaining(), 10);
    /// # Ok::<(), fastlimit::ParseError>(())
    /// ```
    #[inline]
    pub fn apply(&mut self, limits: &[Limit], operation: Operation, now: Timestamp) -> Applied {
        // Most requests by far, for which nothing need be searched or dropped.
        if let (Operation::Check(cost), [limit], Records::One(record)) =
            (operation, limits, &mut self.records)
            && record.is_of(limit)
        {
            return with_typed!(record, typed => typed.check(limit, cost, now));
        }
        self.apply_to_any(limits, operation, now)
    }

    fn apply_to_any(&mut self, limits: &[Limit], operation: Operation, now: Timestamp) -> Applied {
        let is_denied = match operation {
            Operation::Check(cost) | Operation::Peek(cost) => {
                !limits.iter().all(|limit| self.admits(limit, cost, now))
            }
            Operation::Charge(_) | Operation::Refund { .. } | Operation::Reset => false,
        };
        let (mut charged_at, mut changed) = (now, false);
        let mut decide = |limit: &Limit| {
            with_model!(limit.algorithm(), M => {
                let mut standing = match operation {
                    Operation::Reset => Standing::<M>::new(None, limit, now.as_millis()),
                    _ => self.records.standing::<M>(limit, now.as_millis()),
                };
                charged_at = charged_at.max(Timestamp::from_millis(standing.time()));
                let status = standing.apply(operation, is_denied);
                if let Some(state) = standing.changed()
                    && !matches!(operation, Operation::Peek(_))
                {
                    let record = TypedRecord::<M>::new(state, limit.rate().period_millis());
                    self.records.put(M::into_record(record), limit);
                    changed = true;
                }
                status
            })
        };
        let statuses = match limits {
            [only] => Statuses::One(decide(only)),
            several => Statuses::List(several.iter().map(decide).collect()),
        };
        if operation == Operation::Reset {
            changed = self.forget(limits);
        }
        if changed {
            // What is dead goes with any write.
            self.records
                .retain(|record| record.is_alive(now.as_millis()));
        }
        self.records.see(limits);
        Applied {
            decision: Decision::of(now, charged_at, statuses),
            changed,
        }
    }

    fn admits(&self, limit: &Limit, cost: Cost, now: Timestamp) -> bool {
        with_model!(limit.algorithm(), M => {
            self.records.standing::<M>(limit, now.as_millis()).admits(cost)
        })
    }

    /// Forgets the records of some limits. False if there are none.
    fn forget(&mut self, limits: &[Limit]) -> bool {
        let is_other = |record: &Record| !limits.iter().any(|limit| record.is_of(limit));
        let before = self.records.as_slice().len();
        self.records.retain(is_other);
        self.records.as_slice().len() != before
    }

    /// Tells whether nothing is known of the subject.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.records.as_slice().is_empty()
    }

    /// Returns the time up to which the entry should be kept: when it is as good as absent and
    /// a grace has passed besides, the lesser of one period and one minute, so that a clock
    /// which steps back by no more than that finds what it left. A store may drop the entry as
    /// soon as its clock is past that time. [`Timestamp::EPOCH`] if the entry is empty.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        let each = self.records.as_slice().iter().map(Record::expires_at);
        Timestamp::from_millis(each.max().unwrap_or(0))
    }

    /// Tells whether less than one request is left in any limit at `now`, by the capacities
    /// last seen: a bounded store must not evict such a subject, else it would be allowed again.
    #[must_use]
    pub fn is_spent(&self, now: Timestamp) -> bool {
        // Not where nothing ever is, or no number was seen.
        self.remaining(now)
            .any(|(remaining, capacity)| capacity > 0 && remaining < Cost::ONE.as_milli())
    }

    /// Returns the part of the capacity that is in use at `now` in the limit that is used most,
    /// in thousandths, by the capacities last seen: evicting the subject with the least of it
    /// loses least.
    #[must_use]
    pub fn usage_per_mille(&self, now: Timestamp) -> u64 {
        let used = self.remaining(now).map(|(remaining, capacity)| {
            // Below 2^41 each, so the product is below 2^51.
            let used = capacity.saturating_sub(remaining).saturating_mul(1_000);
            used.checked_div(capacity).unwrap_or(0)
        });
        used.max().unwrap_or(0)
    }

    /// Of each record what remains of its limit, and of how much; milli.
    fn remaining(&self, now: Timestamp) -> impl Iterator<Item = (u64, u64)> {
        let records = self.records.as_slice().iter();
        records.map(move |record| record.remaining(now.as_millis()))
    }
}

impl<M: Model> TypedRecord<M> {
    /// Checks a request under a limit that this is the record of, where there is no other.
    #[inline]
    fn check(&mut self, limit: &Limit, cost: Cost, now: Timestamp) -> Applied {
        let mut standing = Standing::new(self.state_at(now.as_millis()), limit, now.as_millis());
        let charged_at = now.max(Timestamp::from_millis(standing.time()));
        let is_denied = !standing.admits(cost);
        let status = standing.apply(Operation::Check(cost), is_denied);
        let changed = standing.changed().map(|state| self.set(state)).is_some();
        self.see(limit);
        Applied {
            decision: Decision::of(now, charged_at, Statuses::One(status)),
            changed,
        }
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self::new()
    }
}
