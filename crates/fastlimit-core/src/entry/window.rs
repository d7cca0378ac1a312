use std::num::NonZeroU64;

use super::{Record, Simple};
use crate::algorithm::View;
use crate::algorithm::fixed_window::FixedWindow;
use crate::algorithm::{State, is_date_from_the_future};
use crate::{Algorithm, Cost, Limit, Rate, Timestamp, Verdict};

/// The record of a fixed window, ready to use: the one that a subject most often has, and has
/// alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The number under which it was last looked at; not a part of the state.
    requests: u32,
    /// Not 0, so that the records need no more space than a window alone.
    period: NonZeroU64,
    state: FixedWindow,
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.period == other.period && self.state == other.state
    }
}

impl Eq for Window {}

impl Window {
    /// The window of a record, if it is that of one.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let State::FixedWindow(state) = record.state() else {
            return None;
        };
        let rate = record.limit().rate();
        Some(Self {
            requests: rate.requests(),
            period: NonZeroU64::new(rate.period_millis())?,
            state,
        })
    }

    pub(super) fn record(&self) -> Record {
        Record::new(&self.limit(), State::FixedWindow(self.state), 0)
    }

    /// The window at `now`, under the limit under which it was last looked at.
    pub(super) fn view(&self, now: u64) -> View {
        let stored = self.stored(now).map(State::FixedWindow);
        View::new(&self.limit(), stored, now)
    }

    fn limit(&self) -> Limit {
        let rate = Rate::of_valid(self.requests, self.period.get());
        Limit::new(rate, Algorithm::FixedWindow)
    }

    fn stored(&self, now: u64) -> Option<FixedWindow> {
        let is_void = is_date_from_the_future(self.state.start, self.period.get(), now);
        (!is_void).then_some(self.state)
    }

    #[inline]
    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        limit.algorithm() == Algorithm::FixedWindow
            && limit.rate().period_millis() == self.period.get()
    }

    pub(super) fn see(&mut self, limit: &Limit) {
        if self.is_of(limit) {
            self.requests = limit.rate().requests();
        }
    }

    /// Checks a request under a limit that this is the window of: what [`View`] answers, without
    /// asking at each step which algorithm it is.
    #[inline(always)]
    pub(super) fn check(&mut self, limit: &Limit, cost: Cost, now: Timestamp) -> Simple {
        let window = self.at(limit, now.as_millis());
        self.requests = limit.rate().requests();

        let capacity = limit.capacity();
        let left = capacity.as_milli().saturating_sub(window.used);
        let until_end = window.end(limit).saturating_sub(now.as_millis());
        let charged_at = now.max(Timestamp::from_millis(window.start));
        let (verdict, changed) = if cost.is_zero() {
            (Verdict::standing(left, until_end), false)
        } else if let Some(left) = left.checked_sub(cost.as_milli()) {
            self.state = window.charge(cost);
            (Verdict::standing(left, until_end), true)
        } else {
            let wait = (cost <= capacity).then_some(until_end);
            (Verdict::standing(left, until_end).denied_for(wait), false)
        };
        Simple {
            verdict,
            charged_at,
            changed,
        }
    }

    /// The window at `now`, which for most requests is the one that is stored.
    #[inline(always)]
    fn at(&self, limit: &Limit, now: u64) -> FixedWindow {
        match now.checked_sub(self.state.start) {
            Some(elapsed) if elapsed < self.period.get() => self.state,
            _ => self.rolled(limit, now),
        }
    }

    #[cold]
    fn rolled(&self, limit: &Limit, now: u64) -> FixedWindow {
        FixedWindow::at(self.stored(now), limit, now)
    }

    pub(super) fn expires_at(&self) -> u64 {
        let end = self.state.start.saturating_add(self.period.get());
        Record::kept_until(end, self.period.get())
    }
}
