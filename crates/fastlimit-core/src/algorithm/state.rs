use super::Algorithm;
use super::fixed_window::FixedWindow;
use super::sliding_window::SlidingWindow;
use super::token_bucket::TokenBucket;
use crate::{Cost, Limit, Verdict};

/// A clock this far ahead of the others was wrong, not early.
const LATEST_DATE_AHEAD: u64 = 60_000;

/// Tells whether a state is dated so late that the clock which dated it was wrong.
#[inline]
pub(crate) const fn is_date_from_the_future(date: u64, period: u64, now: u64) -> bool {
    let latest = now.saturating_add(period).saturating_add(LATEST_DATE_AHEAD);
    date > latest
}

/// The state of one limit, as its algorithm keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    FixedWindow(FixedWindow),
    SlidingWindow(SlidingWindow),
    TokenBucket(TokenBucket),
}

/// A limit and its state at one time, milliseconds; all methods are pure functions of that.
///
/// What they answer counts from `now` as it was given, also where the state is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    limit: Limit,
    state: State,
    now: u64,
}

impl View {
    /// The state as it stands at `now`; `stored` is what an earlier operation left.
    pub(crate) fn new(limit: &Limit, stored: Option<State>, now: u64) -> Self {
        let state = match limit.algorithm() {
            Algorithm::FixedWindow => {
                let stored = stored.and_then(State::fixed_window);
                State::FixedWindow(FixedWindow::at(stored, limit, now))
            }
            Algorithm::SlidingWindow => {
                let stored = stored.and_then(State::sliding_window);
                State::SlidingWindow(SlidingWindow::at(stored, limit, now))
            }
            Algorithm::TokenBucket => {
                let stored = stored.and_then(State::token_bucket);
                // Without a rate there is no bucket: what is stored waits for the day when the
                // rate comes back.
                let stored = stored.filter(|_| limit.rate().requests() > 0);
                State::TokenBucket(TokenBucket::at(stored, limit, now))
            }
        };
        Self {
            limit: *limit,
            state,
            now,
        }
    }

    /// The view with `cost` taken, or the verdict that denies it.
    pub(crate) fn admit(self, cost: Cost) -> Result<Self, Verdict> {
        let capacity = self.limit.capacity();
        // More may be used than there is: after a debt, or where the limit was lowered.
        if cost.is_zero() || cost.as_milli() <= capacity.as_milli().saturating_sub(self.used()) {
            return Ok(self.charge(cost));
        }
        let wait = (cost <= capacity).then(|| {
            let passes_at = match self.state {
                State::FixedWindow(window) => window.end(&self.limit),
                State::SlidingWindow(window) => window.passes_at(&self.limit, cost),
                State::TokenBucket(bucket) => bucket.passes_at(&self.limit, cost),
            };
            passes_at.saturating_sub(self.now)
        });
        Err(self.standing().denied_for(wait))
    }

    /// The view with `cost` taken, even past the capacity.
    pub(crate) fn charge(self, cost: Cost) -> Self {
        if cost.is_zero() || self.is_without_state() {
            return self;
        }
        self.with(match self.state {
            State::FixedWindow(window) => State::FixedWindow(window.charge(cost)),
            State::SlidingWindow(window) => State::SlidingWindow(window.charge(cost)),
            State::TokenBucket(bucket) => State::TokenBucket(bucket.charge(&self.limit, cost)),
        })
    }

    /// The view with `cost` given back that was charged at `charged_at`.
    pub(crate) fn refund(self, cost: Cost, charged_at: u64) -> Self {
        let limit = &self.limit;
        self.with(match self.state {
            State::FixedWindow(window) => {
                State::FixedWindow(window.refund(limit, cost, charged_at))
            }
            State::SlidingWindow(window) => {
                State::SlidingWindow(window.refund(limit, cost, charged_at))
            }
            State::TokenBucket(bucket) => State::TokenBucket(bucket.refund(cost)),
        })
    }

    /// How the limit stands: allowed, with what remains and when all of it is back.
    pub(crate) fn standing(&self) -> Verdict {
        Verdict::standing(self.remaining(), self.reset_at().saturating_sub(self.now))
    }

    /// What is left of the capacity.
    pub(crate) fn remaining(&self) -> u64 {
        let capacity = self.limit.capacity().as_milli();
        capacity.saturating_sub(self.used())
    }

    /// Tells whether less than one request is left; not where nothing ever is, or no number was
    /// seen.
    pub(crate) fn is_spent(&self) -> bool {
        !self.limit.capacity().is_zero() && self.remaining() < Cost::ONE.as_milli()
    }

    /// The part of the capacity that is in use, in thousandths; 0 where there is none.
    pub(crate) fn usage_per_mille(&self) -> u64 {
        let capacity = self.limit.capacity().as_milli();
        let used = capacity.saturating_sub(self.remaining());
        // Below 2^41 each, so the product is below 2^51.
        used.saturating_mul(1_000)
            .checked_div(capacity)
            .unwrap_or(0)
    }

    /// The time that the state is at: `now`, or its own if that is later.
    pub(crate) fn time(&self) -> u64 {
        self.now.max(self.state.date())
    }

    /// When the limit is as good as new; never before the state's own time.
    fn reset_at(&self) -> u64 {
        self.dead_at().max(self.time())
    }

    /// When the state is as good as absent.
    pub(crate) fn dead_at(&self) -> u64 {
        match self.state {
            State::FixedWindow(window) => window.end(&self.limit),
            State::SlidingWindow(window) => window.end(&self.limit),
            State::TokenBucket(bucket) => bucket.end(&self.limit),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    fn used(&self) -> u64 {
        match self.state {
            State::FixedWindow(window) => window.used,
            State::SlidingWindow(window) => window.used(&self.limit, self.time()),
            State::TokenBucket(bucket) => bucket.used(),
        }
    }

    fn is_without_state(&self) -> bool {
        self.limit.algorithm() == Algorithm::TokenBucket && self.limit.rate().requests() == 0
    }

    fn with(self, state: State) -> Self {
        Self { state, ..self }
    }
}

impl State {
    /// The time that the state is dated.
    pub(crate) const fn date(self) -> u64 {
        match self {
            Self::FixedWindow(window) => window.start,
            Self::SlidingWindow(window) => window.start,
            Self::TokenBucket(bucket) => bucket.at,
        }
    }

    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::FixedWindow(_) => Algorithm::FixedWindow,
            Self::SlidingWindow(_) => Algorithm::SlidingWindow,
            Self::TokenBucket(_) => Algorithm::TokenBucket,
        }
    }

    const fn fixed_window(self) -> Option<FixedWindow> {
        match self {
            Self::FixedWindow(window) => Some(window),
            _ => None,
        }
    }

    const fn sliding_window(self) -> Option<SlidingWindow> {
        match self {
            Self::SlidingWindow(window) => Some(window),
            _ => None,
        }
    }

    const fn token_bucket(self) -> Option<TokenBucket> {
        match self {
            Self::TokenBucket(bucket) => Some(bucket),
            _ => None,
        }
    }
}
