use super::Algorithm;
use super::fixed_window::Window;
use crate::{Cost, Limit, Verdict};

/// The state of one limit, as its algorithm keeps it.
///
/// Each method is a pure function of its arguments; times are milliseconds. A state is first
/// brought to the present by [`State::at`], and what the other methods answer holds for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    FixedWindow(Window),
}

impl State {
    /// The state as it stands at `now`; `stored` is what an earlier call left.
    pub(crate) fn at(limit: &Limit, stored: Option<Self>, now: u64) -> Self {
        let period = limit.rate().period_millis();
        match limit.algorithm() {
            Algorithm::FixedWindow => {
                let stored = stored.map(|Self::FixedWindow(window)| window);
                Self::FixedWindow(Window::at(stored, period, now))
            }
        }
    }

    /// The state with `cost` taken, or the verdict that denies it.
    pub(crate) fn admit(self, limit: &Limit, cost: Cost, now: u64) -> Result<Self, Verdict> {
        if cost.is_zero() {
            return Ok(self);
        }
        let Self::FixedWindow(window) = self;
        window
            .admit(limit.capacity(), cost)
            .map(Self::FixedWindow)
            .ok_or_else(|| {
                let standing = self.standing(limit, now);
                let waiting_helps = cost <= limit.capacity();
                // A window is empty again when it ends.
                standing.denied_for(waiting_helps.then_some(standing.reset_after_millis()))
            })
    }

    /// The state with `cost` taken, even past the capacity.
    pub(crate) fn charge(self, cost: Cost) -> Self {
        let Self::FixedWindow(window) = self;
        Self::FixedWindow(window.charge(cost))
    }

    /// The state with `cost` given back that was charged at `charged_at`.
    pub(crate) fn refund(self, limit: &Limit, cost: Cost, charged_at: u64) -> Self {
        let Self::FixedWindow(window) = self;
        Self::FixedWindow(window.refund(cost, charged_at, limit.rate().period_millis()))
    }

    /// How the limit stands: allowed, with what remains and when all of it is back.
    pub(crate) fn standing(self, limit: &Limit, now: u64) -> Verdict {
        let Self::FixedWindow(window) = self;
        let end = window.end(limit.rate().period_millis());
        Verdict::standing(window.remaining(limit.capacity()), end.saturating_sub(now))
    }

    /// The time that the state is at: `now`, or its own if that is later.
    pub(crate) fn time(self, now: u64) -> u64 {
        now.max(self.date())
    }

    /// The time that the state is dated.
    pub(crate) fn date(self) -> u64 {
        let Self::FixedWindow(window) = self;
        window.start
    }

    /// When the state is as good as absent.
    pub(crate) fn dead_at(self, period: u64) -> u64 {
        let Self::FixedWindow(window) = self;
        window.end(period)
    }

    pub(crate) const fn algorithm(self) -> Algorithm {
        let Self::FixedWindow(_) = self;
        Algorithm::FixedWindow
    }
}
