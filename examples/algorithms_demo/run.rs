use std::time::Duration;

use fastlimit::{Algorithm, Cost, Error, Limit, ManualClock, MemoryStore, RateLimiter, Timestamp};

use crate::traffic::{Ask, Traffic};

/// What became of a traffic under one limit.
pub(crate) struct Run {
    limit: Limit,
    asked: u64,
    admitted: Vec<Ask>,
    denied: Vec<Ask>,
    longest_wait: Duration,
}

impl Run {
    pub(crate) async fn of(traffic: Traffic, limit: Limit) -> Result<Self, Error> {
        let clock = ManualClock::default();
        let limiter = RateLimiter::new(MemoryStore::builder().clock(clock.clone()).build());
        let mut run = Self {
            limit,
            asked: 0,
            admitted: Vec::new(),
            denied: Vec::new(),
            longest_wait: Duration::ZERO,
        };
        for ask in traffic.requests() {
            clock.set(Timestamp::from_millis(ask.at));
            let decision = limiter
                .request("client")
                .cost(ask.cost)
                .check(limit)
                .await?;
            run.asked += ask.cost.as_milli();
            run.longest_wait = run
                .longest_wait
                .max(decision.retry_after().unwrap_or_default());
            if decision.is_allowed() {
                run.admitted.push(ask);
            } else {
                run.denied.push(ask);
            }
        }
        Ok(run)
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.limit.algorithm()
    }

    pub(crate) fn name(&self) -> String {
        match self.limit.burst() {
            Some(burst) => format!("{}, burst {burst}", self.algorithm()),
            None => self.algorithm().to_string(),
        }
    }

    pub(crate) fn asked(&self) -> Cost {
        Cost::milli(self.asked)
    }

    pub(crate) fn admitted(&self) -> Cost {
        sum(&self.admitted)
    }

    pub(crate) fn denied(&self) -> &[Ask] {
        &self.denied
    }

    pub(crate) fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    /// The most that was admitted in any interval as long as the period.
    pub(crate) fn most_in_a_period(&self) -> Cost {
        let period = self.limit.rate().period();
        (0..self.admitted.len())
            .map(|first| {
                let rest = &self.admitted[first..];
                let end = Duration::from_millis(rest[0].at) + period;
                let within = rest.partition_point(|ask| Duration::from_millis(ask.at) < end);
                sum(&rest[..within])
            })
            .max()
            .unwrap_or(Cost::ZERO)
    }

    /// What was admitted until each admission: seconds and requests.
    pub(crate) fn steps(&self) -> Vec<(f64, f64)> {
        let mut total = 0;
        let mut steps = vec![(0.0, 0.0)];
        for ask in &self.admitted {
            steps.push((seconds(ask.at), requests(total)));
            total += ask.cost.as_milli();
            steps.push((seconds(ask.at), requests(total)));
        }
        steps.push((seconds(crate::traffic::DURATION), requests(total)));
        steps
    }
}

pub(crate) fn seconds(millis: u64) -> f64 {
    Duration::from_millis(millis).as_secs_f64()
}

fn requests(milli: u64) -> f64 {
    milli as f64 / 1_000.0
}

fn sum(asks: &[Ask]) -> Cost {
    Cost::milli(asks.iter().map(|ask| ask.cost.as_milli()).sum())
}
