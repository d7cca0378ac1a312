//! The sliding log of the mutants, and what is broken of it.

use crate::mutant::{Mutation, Mutation as M};

const MOST_ENTRIES: usize = 1_000;

/// What was charged when, from the oldest to the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log(Vec<(u64, u64)>);

impl Log {
    pub(crate) fn used(&self) -> u64 {
        self.0.iter().map(|&(_, cost)| cost).sum()
    }

    pub(crate) fn newest(&self) -> Option<u64> {
        self.0.last().map(|&(time, _)| time)
    }

    /// Drops what has left by `now`.
    pub(crate) fn leave(&mut self, now: u64, period: u64, broken: Mutation) {
        let now = match broken {
            M::LogLeavesEarly => now + 1,
            M::LogLeavesLate => now - 1,
            _ => now,
        };
        self.0.retain(|&(time, _)| time + period > now);
    }

    /// The time of the charge after whose leaving no more than `free` is in use.
    pub(crate) fn leaves_free(&self, free: u64, broken: Mutation) -> Option<u64> {
        let mut left = self.used();
        let enough = self.0.iter().find(|&&(_, cost)| {
            left -= cost;
            left <= free || broken == M::LogWaitsForTheOldest
        });
        match broken {
            M::LogWaitsForTheNewest => self.newest(),
            _ => enough.map(|&(time, _)| time),
        }
    }

    pub(crate) fn charge(&mut self, now: u64, cost: u64, broken: Mutation) {
        match self.0.last_mut() {
            _ if cost == 0 => {}
            Some((time, charged)) if *time == now => *charged += cost,
            _ => self.0.push((now, cost)),
        }
        if self.0.len() <= MOST_ENTRIES {
            return;
        }
        match broken {
            M::LogGrows => {}
            M::LogForgetsTheOldest => drop(self.0.remove(0)),
            M::LogMergesToTheEarlier => self.0[0].1 += self.0.remove(1).1,
            M::LogMergesTheNewest => {
                let (time, cost) = self.0.remove(MOST_ENTRIES);
                let before = self.0[MOST_ENTRIES - 1].1;
                self.0[MOST_ENTRIES - 1] = (time, before + cost);
            }
            _ => {
                let (_, oldest) = self.0.remove(0);
                self.0[0].1 += oldest;
            }
        }
    }

    /// What a refund takes, if there is anything to take it from.
    pub(crate) fn refund(&mut self, cost: u64, charged_at: u64, broken: Mutation) -> Option<u64> {
        let place = match broken {
            M::LogRefundsTheNewest => self.0.len().checked_sub(1)?,
            _ => self.0.iter().position(|&(time, _)| time == charged_at)?,
        };
        let given_back = self.0[place].1.min(cost);
        self.0[place].1 -= given_back;
        if broken == M::LogRefundSpills {
            let mut more = cost - given_back;
            for (_, charged) in &mut self.0 {
                let spilt = more.min(*charged);
                *charged -= spilt;
                more -= spilt;
            }
        }
        if broken != M::LogKeepsEmptyEntries {
            self.0.retain(|&(_, charged)| charged > 0);
        }
        Some(given_back)
    }
}
