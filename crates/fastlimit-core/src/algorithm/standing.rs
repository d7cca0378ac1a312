use super::Model;
use crate::decision::Wait;
use crate::store::Operation;
use crate::{Cost, Limit, LimitStatus};

/// How a limit stands at one time, and what becomes of it.
///
/// What is answered counts from `now` as it was given, also where the state is later.
pub(crate) struct Standing<'a, M> {
    limit: &'a Limit,
    state: M,
    now: u64,
    is_changed: bool,
}

impl<'a, M: Model> Standing<'a, M> {
    /// The state as it stands at `now`; `stored` is what an earlier operation left.
    #[inline]
    pub(crate) fn new(stored: Option<M>, limit: &'a Limit, now: u64) -> Self {
        Self {
            limit,
            state: M::at(stored, limit, now),
            now,
            is_changed: false,
        }
    }

    /// The time that the state is at: `now`, or its own if that is later.
    #[inline]
    pub(crate) fn time(&self) -> u64 {
        self.now.max(self.state.date())
    }

    /// Tells whether `cost` passes.
    #[inline]
    pub(crate) fn admits(&self, cost: Cost) -> bool {
        cost.as_milli() <= self.remaining()
    }

    /// What is left of the capacity. More may be used than there is: after a debt, or where the
    /// limit was lowered.
    #[inline]
    pub(crate) fn remaining(&self) -> u64 {
        let used = self.state.used(self.limit, self.time());
        self.capacity().saturating_sub(used)
    }

    #[inline]
    pub(crate) fn capacity(&self) -> u64 {
        M::capacity(self.limit)
    }

    /// Carries an operation out, unless one of the limits that it is under denies it.
    #[inline]
    pub(crate) fn apply(&mut self, operation: Operation, is_denied: bool) -> LimitStatus {
        let cost = match operation {
            Operation::Check(cost) | Operation::Peek(cost) if is_denied => cost,
            Operation::Check(cost) | Operation::Peek(cost) | Operation::Charge(cost) => {
                self.is_changed = !cost.is_zero() && self.state.charge(self.limit, cost.as_milli());
                cost
            }
            Operation::Refund { cost, charged_at } => {
                let (milli, charged_at) = (cost.as_milli(), charged_at.as_millis());
                self.is_changed = milli > 0 && self.state.refund(self.limit, milli, charged_at);
                cost
            }
            Operation::Reset => Cost::ZERO,
        };
        let resets_at = self.state.resets_at(self.limit).max(self.time());
        let reset_after = resets_at.saturating_sub(self.now);
        let remaining = self.remaining();
        let wait = match cost.as_milli() <= remaining {
            true => Wait::Not(0),
            false => self.wait(cost, is_denied),
        };
        LimitStatus::new(*self.limit, remaining, reset_after, wait)
    }

    /// The state, if an operation changed it.
    #[inline]
    pub(crate) fn changed(self) -> Option<M> {
        self.is_changed.then_some(self.state)
    }

    /// How long a cost has to wait that is more than remains: the one that is denied, or the next.
    fn wait(&self, cost: Cost, is_denied: bool) -> Wait {
        if cost.as_milli() > self.capacity() {
            return match is_denied {
                true => Wait::ForEver,
                false => Wait::NotButNextForEver,
            };
        }
        let passes_at = self.state.passes_at(self.limit, cost.as_milli());
        let millis = passes_at.saturating_sub(self.now);
        match is_denied {
            true => Wait::Millis(millis),
            false => Wait::Not(millis),
        }
    }
}
