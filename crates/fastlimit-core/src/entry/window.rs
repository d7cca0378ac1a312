use super::{Record, Simple};
use crate::algorithm::View;
use crate::algorithm::fixed_window::FixedWindow;
use crate::algorithm::{State, is_date_from_the_future};
use crate::limit::Counter;
use crate::{Algorithm, Cost, Limit, Rate, Timestamp, Verdict};

/// The record of a fixed window, ready to use: the one that a subject most often has, and has
/// alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The number under which it was last looked at; not a part of the state.
    requests: u32,
    counter: Counter,
    state: FixedWindow,
}

/// The window of a request.
struct Current {
    window: FixedWindow,
    until_end: u64,
    charged_at: Timestamp,
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.counter == other.counter && self.state == other.state
    }
}

impl Eq for Window {}

impl Window {
    /// The window of a record, if it is that of one.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let State::FixedWindow(state) = record.state() else {
            return None;
        };
        let limit = record.limit();
        Some(Self {
            requests: limit.rate().requests(),
            counter: limit.counter(),
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
        let rate = Rate::of_valid(self.requests, self.period());
        Limit::new(rate, Algorithm::FixedWindow)
    }

    fn stored(&self, now: u64) -> Option<FixedWindow> {
        let is_void = is_date_from_the_future(self.state.start, self.period(), now);
        (!is_void).then_some(self.state)
    }

    #[inline]
    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        limit.counter() == self.counter
    }

    #[inline]
    fn period(&self) -> u64 {
        self.counter.period_millis()
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
        self.requests = limit.rate().requests();
        let Current {
            window,
            until_end,
            charged_at,
        } = self.at(limit, now);
        // A fixed window has no burst.
        let capacity = Cost::of_capacity(limit.rate().requests());
        let left = capacity.as_milli().saturating_sub(window.used);
        let (left, wait, changed) = if cost.is_zero() {
            (left, None, false)
        } else if let Some(left) = left.checked_sub(cost.as_milli()) {
            // At most the capacity.
            let used = window.used.wrapping_add(cost.as_milli());
            self.state = FixedWindow { used, ..window };
            (left, None, true)
        } else {
            let wait = (cost <= capacity).then_some(until_end);
            (left, Some(wait), false)
        };
        let standing = Verdict::standing(left, until_end);
        Simple {
            verdict: match wait {
                None => standing,
                Some(wait) => standing.denied_for(wait),
            },
            charged_at,
            changed,
        }
    }

    #[inline(always)]
    fn at(&self, limit: &Limit, now: Timestamp) -> Current {
        // Most requests come in the window that is stored: for them nothing need be cut off.
        if let Some(elapsed) = now.as_millis().checked_sub(self.state.start)
            && let Some(until_end) = self.period().checked_sub(elapsed)
            && until_end > 0
        {
            return Current {
                window: self.state,
                until_end,
                charged_at: now,
            };
        }
        let Current {
            window,
            until_end,
            charged_at,
        } = self.rolled(limit, now);
        Current {
            window,
            until_end,
            charged_at,
        }
    }

    #[cold]
    fn rolled(&self, limit: &Limit, now: Timestamp) -> Current {
        let window = FixedWindow::at(self.stored(now.as_millis()), limit, now.as_millis());
        Current {
            window,
            until_end: window.end(limit).saturating_sub(now.as_millis()),
            charged_at: now.max(Timestamp::from_millis(window.start)),
        }
    }

    pub(super) fn expires_at(&self) -> u64 {
        let end = self.state.start.saturating_add(self.period());
        Record::kept_until(end, self.period())
    }
}
