use super::arithmetic::{lower, raise, window_start};
use super::packed::{Count, Time};
use super::{Model, bounded_count, bounded_time, is_aligned};
use crate::{Algorithm, Limit};

/// A fixed window: when it began, and what has been used in it. Windows are aligned to the epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedWindow {
    start: u64,
    used: u64,
}

impl Model for FixedWindow {
    const ALGORITHM: Algorithm = Algorithm::FixedWindow;
    const TAG: u8 = 1;
    const NAME: &'static str = "fixed-window";

    type Kept = (Time, Count);

    #[inline]
    fn keep(self) -> Self::Kept {
        (Time::new(self.start), Count::new(self.used))
    }

    #[inline]
    fn recall((start, used): &Self::Kept) -> Self {
        Self {
            start: start.get(),
            used: used.get(),
        }
    }

    #[inline]
    fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self {
        let period = limit.rate().period_millis();
        // Most requests come in the window that is stored, so most need no division.
        match stored {
            Some(stored) if stored.dead_at(period) > now => stored,
            _ => Self {
                start: window_start(now, period),
                used: 0,
            },
        }
    }

    #[inline]
    fn date(&self) -> u64 {
        self.start
    }

    #[inline]
    fn used(&self, _: &Limit, _: u64) -> u64 {
        self.used
    }

    /// The end of the window: then any cost passes that ever does.
    fn passes_at(&self, limit: &Limit, _: u64) -> u64 {
        self.dead_at(limit.rate().period_millis())
    }

    #[inline]
    fn charge(&mut self, _: &Limit, cost: u64) -> bool {
        raise(&mut self.used, cost)
    }

    fn refund(&mut self, limit: &Limit, cost: u64, charged_at: u64) -> bool {
        let charged = window_start(charged_at, limit.rate().period_millis());
        charged == self.start && lower(&mut self.used, cost)
    }

    #[inline]
    fn dead_at(&self, period: u64) -> u64 {
        self.start.saturating_add(period)
    }

    fn encode(&self, buffer: &mut Vec<u8>) {
        Time::new(self.start).write_to(buffer);
        Count::new(self.used).write_to(buffer);
    }

    fn decode(bytes: &mut &[u8], period: u64) -> Option<Self> {
        Some(Self {
            start: bounded_time(bytes).filter(|start| is_aligned(*start, period))?,
            used: bounded_count(bytes)?,
        })
    }
}
