use std::fmt;

use crate::{Algorithm, InvalidLimit, Limit, Rate};

/// What an algorithm is: the state of one limit, and pure functions of it. The text of them is the
/// table of [`Algorithm`](crate::Algorithm); all times are milliseconds, all counts milli.
///
/// A state is at its own time, which `now` may not have reached where a clock stepped back.
pub(crate) trait Model: Sized {
    const ALGORITHM: Algorithm;

    /// What the bytes of a record begin with.
    const TAG: u8;

    /// What rate texts call it.
    const NAME: &'static str;

    /// Whether a limit has a burst besides its rate.
    const HAS_BURST: bool = false;

    /// The state as it is kept: at most 26 bytes, with no alignment, or a box.
    type Kept: Clone + fmt::Debug + PartialEq;

    fn keep(self) -> Self::Kept;

    fn recall(kept: &Self::Kept) -> Self;

    /// Looks at a state that is kept.
    #[inline]
    fn look<T>(kept: &Self::Kept, look: impl FnOnce(&Self) -> T) -> T {
        look(&Self::recall(kept))
    }

    /// Refuses a rate that the algorithm does not serve.
    fn accept(_: Rate) -> Result<(), InvalidLimit> {
        Ok(())
    }

    /// The most that can be in use at once.
    #[inline]
    fn capacity(limit: &Limit) -> u64 {
        limit.rate().milli()
    }

    /// How many entries the state may come to have where no cost is below one request.
    fn most_entries(_: &Limit) -> u32 {
        1
    }

    /// The state at `now`, or at its own time if that is later.
    fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self;

    /// The time that the state is dated.
    fn date(&self) -> u64;

    /// What counts as used at `time`, which is not before the state's own and needs no other state.
    fn used(&self, limit: &Limit, time: u64) -> u64;

    /// The first time at which `cost`, which is no more than the capacity and does not pass now,
    /// passes.
    fn passes_at(&self, limit: &Limit, cost: u64) -> u64;

    /// Takes `cost`, which is not 0, even past the capacity, and at most up to the greatest count.
    /// False if that changes nothing.
    fn charge(&mut self, limit: &Limit, cost: u64) -> bool;

    /// Gives back `cost` that was charged at `charged_at`, at most what is in use of it. False if
    /// that changes nothing.
    fn refund(&mut self, limit: &Limit, cost: u64, charged_at: u64) -> bool;

    /// When the limit is as good as new, in the past if it is. Asked after each operation, so a
    /// state that keeps it notes it here.
    #[inline]
    fn resets_at(&mut self, limit: &Limit) -> u64 {
        self.dead_at(limit.rate().period_millis())
    }

    /// When the state is as good as absent, by the limit of this period that wrote it.
    fn dead_at(&self, period: u64) -> u64;

    /// Appends the state's bytes.
    fn encode(&self, buffer: &mut Vec<u8>);

    /// Takes a state's bytes from the front; `None` if they are not those of one.
    fn decode(bytes: &mut &[u8], period: u64) -> Option<Self>;
}
