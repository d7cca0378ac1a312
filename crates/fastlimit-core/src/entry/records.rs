use std::mem;

use super::record::{InRecord, Record};
use crate::Limit;
use crate::algorithm::Standing;

/// The records of a subject, each of another algorithm or period, in the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Records {
    /// One, in place: most subjects have no more.
    One(Record),
    /// None or several.
    List(Vec<Record>),
}

impl Records {
    pub(super) const NONE: Self = Self::List(Vec::new());

    pub(super) fn as_slice(&self) -> &[Record] {
        match self {
            Self::One(record) => std::slice::from_ref(record),
            Self::List(list) => list,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Record] {
        match self {
            Self::One(record) => std::slice::from_mut(record),
            Self::List(list) => list,
        }
    }

    /// How a limit stands at `now`.
    pub(super) fn standing<'l, M: InRecord>(&self, limit: &'l Limit, now: u64) -> Standing<'l, M> {
        let record = self.as_slice().iter().find(|record| record.is_of(limit));
        let stored = record.and_then(M::of).and_then(|typed| typed.state_at(now));
        Standing::new(stored, limit, now)
    }

    /// Notes the limits under which the records were last looked at.
    pub(super) fn see(&mut self, limits: &[Limit]) {
        for record in self.as_mut_slice() {
            if let Some(limit) = limits.iter().find(|limit| record.is_of(limit)) {
                record.see(limit);
            }
        }
    }

    /// Writes the record of a limit, in the place of the one before.
    pub(super) fn put(&mut self, written: Record, limit: &Limit) {
        let mut records = self.as_mut_slice().iter_mut();
        match records.find(|record| record.is_of(limit)) {
            Some(record) => *record = written,
            None => self.push(written),
        }
    }

    /// Adds a record. False if there is one of its algorithm and period already.
    pub(super) fn add(&mut self, record: Record) -> bool {
        let is_new = !self
            .as_slice()
            .iter()
            .any(|other| other.shares_state_with(&record));
        if is_new {
            self.push(record);
        }
        is_new
    }

    fn push(&mut self, record: Record) {
        *self = match mem::replace(self, Self::NONE) {
            Self::One(first) => Self::List(vec![first, record]),
            Self::List(list) if list.is_empty() => Self::One(record),
            Self::List(mut list) => {
                list.push(record);
                Self::List(list)
            }
        };
    }

    /// Drops the records that are not to be kept.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&Record) -> bool) {
        match self {
            Self::One(record) if is_kept(record) => {}
            Self::One(_) => *self = Self::NONE,
            Self::List(list) => {
                list.retain(is_kept);
                if list.len() == 1
                    && let Some(only) = list.pop()
                {
                    *self = Self::One(only);
                }
            }
        }
    }
}
