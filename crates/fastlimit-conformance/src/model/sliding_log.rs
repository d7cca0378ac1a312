use super::MOST_USED;

/// Past this many entries the two oldest become one.
const MOST_ENTRIES: usize = 1_000;

/// The state of a sliding log: what was charged when, of all that still counts at `at`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SlidingLog {
    pub(super) at: u128,
    /// One entry for each time, from the oldest to the newest.
    entries: Vec<LogEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LogEntry {
    time: u128,
    cost: u128,
}

impl SlidingLog {
    /// The log at `now`, or at its own time where that is later, without what has left by then.
    pub(super) fn at(stored: Option<Self>, now: u128, period: u128) -> Self {
        let stored = stored.unwrap_or(Self {
            at: now,
            entries: Vec::new(),
        });
        let at = stored.at.max(now);
        let still_counts = |entry: &LogEntry| at < entry.time + period;
        Self {
            at,
            entries: stored.entries.into_iter().filter(still_counts).collect(),
        }
    }

    /// What is in use at a time not before `at`, if nothing else happens until then: each entry
    /// counts for a period.
    pub(super) fn used_at(&self, time: u128, period: u128) -> u128 {
        let entries = self.entries.iter();
        entries
            .filter(|entry| time < entry.time + period)
            .map(|entry| entry.cost)
            .sum()
    }

    pub(super) fn take(self, cost: u128) -> Self {
        let Self { at, mut entries } = self;
        let used: u128 = entries.iter().map(|entry| entry.cost).sum();
        let cost = cost.min(MOST_USED - used);
        if cost == 0 {
            return Self { at, entries };
        }
        match entries.last_mut() {
            Some(newest) if newest.time == at => newest.cost += cost,
            _ => entries.push(LogEntry { time: at, cost }),
        }
        if entries.len() > MOST_ENTRIES {
            let oldest = entries.remove(0);
            // At the time of the later: the older one counts for longer, never for less long.
            if let Some(next) = entries.first_mut() {
                next.cost += oldest.cost;
            }
        }
        Self { at, entries }
    }

    /// Takes from the entry of that time, if the log has one.
    pub(super) fn give_back(self, cost: u128, charged_at: u128) -> Self {
        let Self { at, mut entries } = self;
        for entry in &mut entries {
            if entry.time == charged_at {
                entry.cost = entry.cost.saturating_sub(cost);
            }
        }
        entries.retain(|entry| entry.cost > 0);
        Self { at, entries }
    }
}
