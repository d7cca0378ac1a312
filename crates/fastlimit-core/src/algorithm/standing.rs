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
        cost.is_zero() || cost.as_milli() <= self.remaining()
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
        let mut wait = Wait::Not;
        match operation {
            Operation::Check(cost) | Operation::Peek(cost) if is_denied => {
                wait = self.wait(cost);
            }
            Operation::Check(cost) | Operation::Peek(cost) | Operation::Charge(cost) => {
                self.is_changed = !cost.is_zero() && self.state.charge(self.limit, cost.as_milli());
            }
            Operation::Refund { cost, charged_at } => {
                let (cost, charged_at) = (cost.as_milli(), charged_at.as_millis());
                self.is_changed = cost > 0 && self.state.refund(self.limit, cost, charged_at);
            }
            Operation::Reset => {}
        }
        let resets_at = self.state.resets_at(self.limit).max(self.time());
        let reset_after = resets_at.saturating_sub(self.now);
        LimitStatus::new(*self.limit, self.remaining(), reset_after, wait)
    }

    /// The state, if an operation changed it.
    #[inline]
    pub(crate) fn changed(self) -> Option<M> {
        self.is_changed.then_some(self.state)
    }

    /// How long a cost has to wait that is denied, by this limit or by another one.
    fn wait(&self, cost: Cost) -> Wait {
        if self.admits(cost) {
            return Wait::Not;
        }
        if cost.as_milli() > self.capacity() {
            return Wait::ForEver;
        }
        let passes_at = self.state.passes_at(self.limit, cost.as_milli());
        Wait::Millis(passes_at.saturating_sub(self.now))
    }
}
