use std::time::Duration;

use fastlimit_core::{Clock, Cost, ManualClock, Timestamp};

use super::{DAY, HOUR, MINUTE, Scene};
use crate::Violation;

/// Where a manual clock stands when a law begins: the start of a minute in November 2023, and
/// of no longer window that a law uses.
pub(crate) const START: u64 = 1_700_000_040_000;

/// Longer waits are not slept through in real time.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

impl Scene {
    /// The clock of the store, if it can be moved.
    pub(crate) fn clock(&self) -> Option<&ManualClock> {
        self.inner.fixture.clock.as_ref()
    }

    /// The store's time.
    pub(crate) async fn now(&self) -> Result<Timestamp, Violation> {
        if let Some(clock) = self.clock() {
            return Ok(clock.now());
        }
        let probe = self.limit(1, MINUTE)?;
        let decision = self
            .subject("what time is it")
            .peek(probe, Cost::ZERO)
            .await?;
        Ok(decision.now())
    }

    /// A period whose window does not end while the law looks at one instant: a minute on a
    /// manual clock, which stands still; in real time about an hour, of which much is left.
    pub(crate) async fn quiet_period(&self) -> Result<Duration, Violation> {
        let [period, ..] = self.quiet_periods().await?;
        Ok(period)
    }

    /// Four periods as [`Scene::quiet_period`] gives one, the shortest first.
    pub(crate) async fn quiet_periods(&self) -> Result<[Duration; 4], Violation> {
        if self.clock().is_some() {
            return Ok([MINUTE, 10 * MINUTE, HOUR, DAY]);
        }
        let now = self.now().await?;
        // Primes, so that hardly ever two of their windows end at the same time.
        let mut minutes = [61, 67, 71, 73, 79, 83, 89, 97];
        minutes.sort_by_key(|&minutes| std::cmp::Reverse(time_left(now, minutes * MINUTE)));
        let [a, b, c, d, ..] = minutes;
        let mut chosen = [a, b, c, d].map(|minutes| minutes * MINUTE);
        chosen.sort();
        Ok(chosen)
    }

    /// Lets the store's time pass: at least `duration`, exactly that on a manual clock.
    pub(crate) async fn pass(&self, duration: Duration) -> Result<(), Violation> {
        if let Some(clock) = self.clock() {
            clock.advance(duration);
            return Ok(());
        }
        if duration > LONGEST_SLEEP {
            return Err(self.violation(
                "letting time pass",
                format_args!("at most {LONGEST_SLEEP:?} in real time"),
                format_args!("{duration:?}"),
            ));
        }
        let target = self.now().await?.saturating_add(duration);
        loop {
            let left = target.saturating_duration_since(self.now().await?);
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// The time that is left of the window that holds `now`, if windows are aligned to the epoch.
pub(crate) fn time_left(now: Timestamp, period: Duration) -> Duration {
    period - time_spent(now, period)
}

/// The time since the window that holds `now` began.
pub(crate) fn time_spent(now: Timestamp, period: Duration) -> Duration {
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(now.as_millis().checked_rem(millis).unwrap_or(0))
}
