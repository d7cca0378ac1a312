use super::arithmetic::{ceil_div, div_rem, lower, narrow, product, raise, window_start};
use super::packed::{Count, Time};
use super::{Model, bounded_count, bounded_time, is_aligned};
use crate::{Algorithm, Limit};

/// A sliding window: what has been used in the aligned window that holds the present, and in the
/// one before it, of which as much counts as the sliding window still covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlidingWindow {
    /// When the present window began.
    start: u64,
    current: u64,
    previous: u64,
}

impl Model for SlidingWindow {
    const ALGORITHM: Algorithm = Algorithm::SlidingWindow;
    const TAG: u8 = 2;
    const NAME: &'static str = "sliding-window";

    type Kept = (Time, Count, Count);

    #[inline]
    fn keep(self) -> Self::Kept {
        let counts = (Count::new(self.current), Count::new(self.previous));
        (Time::new(self.start), counts.0, counts.1)
    }

    #[inline]
    fn recall((start, current, previous): &Self::Kept) -> Self {
        Self {
            start: start.get(),
            current: current.get(),
            previous: previous.get(),
        }
    }

    #[inline]
    fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self {
        let period = limit.rate().period_millis();
        let start = window_start(now, period);
        let (current, previous) = match stored {
            Some(stored) if stored.start >= start => return stored,
            Some(stored) if stored.start.saturating_add(period) == start => (0, stored.current),
            _ => (0, 0),
        };
        Self {
            start,
            current,
            previous,
        }
    }

    #[inline]
    fn date(&self) -> u64 {
        self.start
    }

    /// Rounded up, so that nobody gets a fraction too much.
    #[inline]
    fn used(&self, limit: &Limit, time: u64) -> u64 {
        let period = limit.rate().period_millis();
        let elapsed = time.saturating_sub(self.start);
        let covered = product(self.previous, period.saturating_sub(elapsed));
        let carried = narrow(ceil_div(covered, period));
        self.current.saturating_add(carried)
    }

    fn passes_at(&self, limit: &Limit, cost: u64) -> u64 {
        let period = limit.rate().period_millis();
        let free = Self::capacity(limit).saturating_sub(cost);
        // In this window, as the previous one leaves it; else in the next, as this one does.
        let (start, free, leaving) = match free.checked_sub(self.current) {
            Some(free) => (self.start, free, self.previous),
            None => (self.start.saturating_add(period), free, self.current),
        };
        let early = narrow(div_rem(product(free, period), leaving).0);
        start.saturating_add(period.saturating_sub(early))
    }

    #[inline]
    fn charge(&mut self, _: &Limit, cost: u64) -> bool {
        raise(&mut self.current, cost)
    }

    /// Takes the cost from the window that it was charged to, if that is one of the two.
    fn refund(&mut self, limit: &Limit, cost: u64, charged_at: u64) -> bool {
        let period = limit.rate().period_millis();
        let charged = window_start(charged_at, period);
        if charged == self.start {
            lower(&mut self.current, cost)
        } else {
            charged.saturating_add(period) == self.start && lower(&mut self.previous, cost)
        }
    }

    #[inline]
    fn dead_at(&self, period: u64) -> u64 {
        let windows = match (self.current, self.previous) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        };
        self.start.saturating_add(period.saturating_mul(windows))
    }

    fn encode(&self, buffer: &mut Vec<u8>) {
        Time::new(self.start).write_to(buffer);
        Count::new(self.current).write_to(buffer);
        Count::new(self.previous).write_to(buffer);
    }

    fn decode(bytes: &mut &[u8], period: u64) -> Option<Self> {
        Some(Self {
            start: bounded_time(bytes).filter(|start| is_aligned(*start, period))?,
            current: bounded_count(bytes)?,
            previous: bounded_count(bytes)?,
        })
    }
}
