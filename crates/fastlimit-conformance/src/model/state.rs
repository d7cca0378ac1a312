use fastlimit_core::{Algorithm, Limit};

use super::fixed_window::FixedWindow;
use super::sliding_log::SlidingLog;
use super::sliding_window::SlidingWindow;
use super::token_bucket::TokenBucket;
use super::{MOST_USED, Unknown, capacity, number, period};

/// The state of one limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    Fixed(FixedWindow),
    Sliding(SlidingWindow),
    Bucket(TokenBucket),
    Log(SlidingLog),
}

/// A limit and its state as it stands at the caller's time.
#[derive(Clone, Debug)]
pub(super) struct Standing<'limit> {
    pub(super) limit: &'limit Limit,
    pub(super) state: State,
    /// The caller's time, or the state's own where that is later.
    pub(super) time: u128,
}

impl State {
    /// The time that the state is dated.
    pub(super) fn date(&self) -> u128 {
        match self {
            Self::Fixed(window) => window.start,
            Self::Sliding(window) => window.start,
            Self::Bucket(bucket) => bucket.at,
            Self::Log(log) => log.at,
        }
    }
}

impl<'limit> Standing<'limit> {
    pub(super) fn new(
        limit: &'limit Limit,
        stored: Option<State>,
        now: u128,
    ) -> Result<Self, Unknown> {
        let period = period(limit);
        let state = match (limit.algorithm(), stored) {
            (Algorithm::FixedWindow, Some(State::Fixed(stored))) => {
                State::Fixed(FixedWindow::at(Some(stored), now, period))
            }
            (Algorithm::FixedWindow, _) => State::Fixed(FixedWindow::at(None, now, period)),
            (Algorithm::SlidingWindow, Some(State::Sliding(stored))) => {
                State::Sliding(SlidingWindow::at(Some(stored), now, period))
            }
            (Algorithm::SlidingWindow, _) => State::Sliding(SlidingWindow::at(None, now, period)),
            (Algorithm::TokenBucket, Some(State::Bucket(stored))) => {
                State::Bucket(TokenBucket::at(Some(stored), now, limit))
            }
            (Algorithm::TokenBucket, _) => State::Bucket(TokenBucket::at(None, now, limit)),
            (Algorithm::SlidingLog, Some(State::Log(stored))) => {
                State::Log(SlidingLog::at(Some(stored), now, period))
            }
            (Algorithm::SlidingLog, _) => State::Log(SlidingLog::at(None, now, period)),
            (unknown, _) => return Err(Unknown::Algorithm(unknown)),
        };
        Ok(Self {
            limit,
            time: now.max(state.date()),
            state,
        })
    }

    pub(super) fn take(self, cost: u128) -> Self {
        let sum = |used: u128| (used + cost).min(MOST_USED);
        let state = match self.state {
            State::Fixed(window) => State::Fixed(FixedWindow {
                used: sum(window.used),
                ..window
            }),
            State::Sliding(window) => State::Sliding(SlidingWindow {
                current: sum(window.current),
                ..window
            }),
            State::Bucket(bucket) => State::Bucket(bucket.take(cost, self.limit)),
            State::Log(log) => State::Log(log.take(cost)),
        };
        Self { state, ..self }
    }

    pub(super) fn give_back(self, cost: u128, charged_at: u128) -> Self {
        let period = period(self.limit);
        let state = match self.state {
            State::Fixed(window) => State::Fixed(window.give_back(cost, charged_at, period)),
            State::Sliding(window) => State::Sliding(window.give_back(cost, charged_at, period)),
            State::Bucket(bucket) => State::Bucket(bucket.give_back(cost, self.limit)),
            State::Log(log) => State::Log(log.give_back(cost, charged_at)),
        };
        Self { state, ..self }
    }

    pub(super) fn remaining(&self) -> u128 {
        capacity(self.limit).saturating_sub(self.used_at(self.time))
    }

    pub(super) fn admits(&self, cost: u128) -> bool {
        cost == 0 || cost <= self.remaining()
    }

    /// The first time at which a check of a cost passes that is denied now, `None` if that time
    /// never comes.
    pub(super) fn passes_at(&self, cost: u128) -> Option<u128> {
        let free = capacity(self.limit).checked_sub(cost)?;
        Some(self.first(|time| self.used_at(time) <= free))
    }

    /// The first time at which the limit is as good as new. A fixed window is so only when it
    /// ends.
    pub(super) fn resets_at(&self) -> u128 {
        match &self.state {
            State::Fixed(window) => window.start + period(self.limit),
            State::Bucket(_) if number(self.limit) == 0 => self.time,
            State::Sliding(_) | State::Bucket(_) | State::Log(_) => {
                self.first(|time| self.used_at(time) == 0)
            }
        }
    }

    fn used_at(&self, time: u128) -> u128 {
        match &self.state {
            State::Fixed(window) => window.used_at(time, period(self.limit)),
            State::Sliding(window) => window.used_at(time, period(self.limit)),
            State::Bucket(bucket) => bucket.used_at(time, self.limit),
            State::Log(log) => log.used_at(time, period(self.limit)),
        }
    }

    /// The first time, from that of the standing on, at which something holds that holds ever
    /// after: what is in use never grows by itself, so it is looked for and not computed.
    fn first(&self, holds: impl Fn(u128) -> bool) -> u128 {
        let (mut fails, mut step) = (self.time, 1);
        if holds(fails) {
            return fails;
        }
        while !holds(fails + step) {
            fails += step;
            step *= 2;
        }
        let mut passes = fails + step;
        while passes - fails > 1 {
            let middle = fails.midpoint(passes);
            if holds(middle) {
                passes = middle;
            } else {
                fails = middle;
            }
        }
        passes
    }
}
