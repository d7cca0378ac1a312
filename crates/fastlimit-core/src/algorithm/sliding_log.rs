use std::collections::VecDeque;

use super::packed::{Count, Length, Time};
use super::{Model, bounded_count, bounded_time};
use crate::store::format::MOST_LOG_ENTRIES;
use crate::{Algorithm, Cost, InvalidLimit, Limit, Rate};

/// A sliding log: when what was charged, of all that the window which ends at `at` covers. So no
/// interval of a period's length ever sees more than the limit.
///
/// What is charged in one millisecond is one entry. There are at most [`MOST_LOG_ENTRIES`], enough
/// for any limit as long as nothing costs less than a request; where one more comes, the two oldest
/// become one, at the time of the later, which admits less and never more.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SlidingLog {
    at: u64,
    /// The sum of the entries.
    total: u64,
    /// From the oldest to the newest.
    entries: VecDeque<LogEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct LogEntry {
    time: u64,
    cost: u64,
}

impl Model for SlidingLog {
    const ALGORITHM: Algorithm = Algorithm::SlidingLog;
    const TAG: u8 = 4;
    const NAME: &'static str = "sliding-log";

    type Kept = Box<Self>;

    fn accept(rate: Rate) -> Result<(), InvalidLimit> {
        match rate.requests() > Limit::MAX_LOG_REQUESTS {
            true => Err(InvalidLimit::Log),
            false => Ok(()),
        }
    }

    fn most_entries(limit: &Limit) -> u32 {
        limit.rate().requests().max(1)
    }

    fn keep(self) -> Self::Kept {
        Box::new(self)
    }

    fn recall(kept: &Self::Kept) -> Self {
        Self::clone(kept)
    }

    /// Without a copy, since it is large.
    fn look<T>(kept: &Self::Kept, look: impl FnOnce(&Self) -> T) -> T {
        look(kept)
    }

    fn at(stored: Option<Self>, limit: &Limit, now: u64) -> Self {
        let Some(mut log) = stored else {
            return Self {
                at: now,
                total: 0,
                entries: VecDeque::new(),
            };
        };
        log.at = log.at.max(now);
        let period = limit.rate().period_millis();
        while let Some(oldest) = log.entries.front()
            && oldest.time.saturating_add(period) <= log.at
        {
            log.total = log.total.saturating_sub(oldest.cost);
            log.entries.pop_front();
        }
        log
    }

    fn date(&self) -> u64 {
        self.at
    }

    fn used(&self, _: &Limit, _: u64) -> u64 {
        self.total
    }

    /// When so many of the oldest have left that the cost fits.
    fn passes_at(&self, limit: &Limit, cost: u64) -> u64 {
        let free = Self::capacity(limit).saturating_sub(cost);
        let mut left = self.total;
        for entry in &self.entries {
            left = left.saturating_sub(entry.cost);
            if left <= free {
                return entry.time.saturating_add(limit.rate().period_millis());
            }
        }
        self.dead_at(limit.rate().period_millis())
    }

    fn charge(&mut self, _: &Limit, cost: u64) -> bool {
        let cost = cost.min(Cost::MAX.as_milli().saturating_sub(self.total));
        if cost == 0 {
            return false;
        }
        self.total = self.total.saturating_add(cost);
        match self.entries.back_mut() {
            Some(last) if last.time == self.at => last.cost = last.cost.saturating_add(cost),
            _ => self.entries.push_back(LogEntry {
                time: self.at,
                cost,
            }),
        }
        if self.entries.len() > MOST_LOG_ENTRIES
            && let Some(oldest) = self.entries.pop_front()
            && let Some(next) = self.entries.front_mut()
        {
            let both = next.cost.saturating_add(oldest.cost);
            next.cost = both.min(Cost::MAX.as_milli());
        }
        true
    }

    /// Takes the cost from the entry of its time, if the log still has it.
    fn refund(&mut self, _: &Limit, cost: u64, charged_at: u64) -> bool {
        let is_it = |entry: &LogEntry| entry.time == charged_at;
        let Some(place) = self.entries.iter().rposition(is_it) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(place) else {
            return false;
        };
        let given_back = cost.min(entry.cost);
        entry.cost = entry.cost.saturating_sub(given_back);
        if entry.cost == 0 {
            self.entries.remove(place);
        }
        self.total = self.total.saturating_sub(given_back);
        given_back > 0
    }

    fn dead_at(&self, period: u64) -> u64 {
        match self.entries.back() {
            Some(newest) => newest.time.saturating_add(period),
            None => self.at,
        }
    }

    fn encode(&self, buffer: &mut Vec<u8>) {
        Time::new(self.at).write_to(buffer);
        Count::new(self.total).write_to(buffer);
        let length = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        Length::new(length).write_to(buffer);
        for entry in &self.entries {
            Time::new(entry.time).write_to(buffer);
            Count::new(entry.cost).write_to(buffer);
        }
    }

    /// Takes what has the form of a log. What its entries say is not compared, since a store that
    /// does it in another language would have to read them all for each request.
    fn decode(bytes: &mut &[u8], _: u64) -> Option<Self> {
        let (at, total) = (bounded_time(bytes)?, bounded_count(bytes)?);
        let length = usize::try_from(Length::take(bytes)?.get()).ok()?;
        if length > MOST_LOG_ENTRIES {
            return None;
        }
        let entries = (0..length).map(|_| {
            Some(LogEntry {
                time: Time::take(bytes)?.get(),
                cost: Count::take(bytes)?.get(),
            })
        });
        Some(Self {
            at,
            total,
            entries: entries.collect::<Option<_>>()?,
        })
    }
}
