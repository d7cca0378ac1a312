use std::time::Duration;

use super::together::Judged;
use crate::few::Few;
use crate::{Cost, Timestamp};

/// A store's answer to one request: a verdict per limit, and the time that was used.
///
/// The answers for the whole are computed from the verdicts here, once for every store.
///
/// ```
/// use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
/// use std::time::Duration;
///
/// let now = Timestamp::from_millis(1_500);
/// let outcome = Outcome::new(now, now, [
///     Verdict::allowed(Cost::requests(9), Duration::from_millis(500)),
///     Verdict::denied(Cost::ZERO, Duration::from_secs(60), Some(Duration::from_secs(60))),
/// ]);
/// assert!(!outcome.is_allowed());
/// assert_eq!(outcome.binding(), 1);
/// assert_eq!(outcome.retry_after(), Some(Duration::from_secs(60)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    now: Timestamp,
    charged_at: Timestamp,
    verdicts: Few<Verdict>,
}

/// What one limit says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// Milli.
    remaining: u64,
    /// Milliseconds.
    reset_after: u64,
    wait: Wait,
}

/// The milliseconds to wait, in order of their length; no wait where the limit allows the
/// request. One word: there is a verdict in every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait(u64);

impl Judged for Verdict {
    #[inline(always)]
    fn verdict(&self) -> &Verdict {
        self
    }
}

impl Wait {
    /// A denied request waits a millisecond at the least, but a store may say what it likes.
    pub(super) const NONE: Self = Self(u64::MAX);
    /// Waiting never helps.
    const FOR_EVER: Self = Self(u64::MAX - 1);
    const LONGEST: u64 = u64::MAX - 2;

    const fn of(millis: Option<u64>) -> Self {
        match millis {
            Some(millis) if millis > Self::LONGEST => Self(Self::LONGEST),
            Some(millis) => Self(millis),
            None => Self::FOR_EVER,
        }
    }

    #[inline]
    pub(crate) const fn is_none(self) -> bool {
        self.0 == Self::NONE.0
    }

    /// The time; `None` where there is none to wait, or waiting never helps.
    #[inline]
    pub(crate) fn duration(self) -> Option<Duration> {
        (self.0 <= Self::LONGEST).then(|| Duration::from_millis(self.0))
    }
}

impl Outcome {
    /// Creates an outcome.
    ///
    /// `now` is the store's time as it was read; `charged_at` the time of the state that was
    /// charged, which is later where the clock had stepped back; `verdicts` are in the order
    /// of the request's limits.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.verdicts().len(), 2);
    /// ```
    pub fn new(
        now: Timestamp,
        charged_at: Timestamp,
        verdicts: impl IntoIterator<Item = Verdict>,
    ) -> Self {
        Self {
            now,
            charged_at,
            verdicts: verdicts.into_iter().collect(),
        }
    }

    /// Creates the outcome of a request under one limit.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// let now = Timestamp::from_millis(1_500);
    /// let verdict = Verdict::allowed(Cost::requests(9), Duration::from_millis(500));
    /// assert_eq!(Outcome::of_one(now, now, verdict), Outcome::new(now, now, [verdict]));
    /// ```
    #[inline]
    pub fn of_one(now: Timestamp, charged_at: Timestamp, verdict: Verdict) -> Self {
        Self {
            now,
            charged_at,
            verdicts: Few::One([verdict]),
        }
    }

    /// The one verdict, if there is one: with it the outcome is a few words to copy, and not the
    /// room for several.
    #[inline(always)]
    pub(crate) fn as_one(&self) -> Option<Verdict> {
        match self.verdicts {
            // Word by word, as a store has just written it: a wider read would wait for the writes.
            Few::One(
                [
                    Verdict {
                        remaining,
                        reset_after,
                        wait,
                    },
                ],
            ) => Some(Verdict {
                remaining,
                reset_after,
                wait,
            }),
            _ => None,
        }
    }

    /// Tells whether every limit allows the request.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert!(!outcome.is_allowed());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdicts.is_allowed()
    }

    /// Returns the verdicts, in the order of the request's limits.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.verdicts(), [fits, refuses]);
    /// ```
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Returns the time at which the store answered, by its clock.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.now(), now);
    /// ```
    #[inline]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the time of the state that was charged: what a refund must name.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.charged_at(), now);
    /// ```
    #[inline]
    #[must_use]
    pub fn charged_at(&self) -> Timestamp {
        self.charged_at
    }

    /// Returns what remains of the limit that has least left: a check of exactly that cost
    /// passes.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.remaining(), Cost::requests(1));
    /// ```
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> Cost {
        self.verdicts.remaining()
    }

    /// Returns the time until every limit is as good as new.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.reset_after(), 2 * second);
    /// ```
    #[inline]
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        self.verdicts.reset_after()
    }

    /// Returns the time after which the same request passes, if nothing else is charged
    /// meanwhile: the longest among the limits that denied. `None` if the request is allowed,
    /// or if one of the limits will never allow it.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.retry_after(), Some(2 * second));
    /// ```
    #[inline]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.verdicts.wait().duration()
    }

    /// Returns the index of the limit that binds: the denied one with the longest wait, else
    /// the one with the least remaining; the first of equals.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
    /// # use std::time::Duration;
    /// # let (now, second) = (Timestamp::from_millis(1_500), Duration::from_secs(1));
    /// # let fits = Verdict::allowed(Cost::requests(9), second);
    /// # let refuses = Verdict::denied(Cost::requests(1), 2 * second, Some(2 * second));
    /// let outcome = Outcome::new(now, now, [fits, refuses]);
    /// assert_eq!(outcome.binding(), 1);
    /// ```
    #[must_use]
    pub fn binding(&self) -> usize {
        self.verdicts.binding().map_or(0, |(index, _)| index)
    }
}

impl Verdict {
    /// Creates the verdict of a limit that allows the request: `remaining` is what is left
    /// after it, `reset_after` the time (whole milliseconds) until the limit is as good as new.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Verdict};
    /// # use std::time::Duration;
    /// # let second = Duration::from_secs(1);
    /// let verdict = Verdict::allowed(Cost::requests(9), second);
    /// assert!(verdict.is_allowed());
    /// ```
    pub fn allowed(remaining: Cost, reset_after: Duration) -> Self {
        Self::standing(remaining.as_milli(), millis(reset_after))
    }

    /// Creates the verdict of a limit that denies the request: `remaining` is what is left,
    /// and `retry_after` the time (whole milliseconds) after which the request passes, `None`
    /// if it never will because it costs more than the capacity.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Verdict};
    /// # use std::time::Duration;
    /// # let second = Duration::from_secs(1);
    /// let verdict = Verdict::denied(Cost::ZERO, second, Some(second));
    /// assert_eq!(verdict.retry_after(), Some(second));
    /// ```
    pub fn denied(remaining: Cost, reset_after: Duration, retry_after: Option<Duration>) -> Self {
        Self::allowed(remaining, reset_after).denied_for(retry_after.map(millis))
    }

    #[inline]
    pub(crate) const fn wait(&self) -> Wait {
        self.wait
    }

    #[inline]
    pub(crate) const fn standing(remaining: u64, reset_after: u64) -> Self {
        Self {
            remaining,
            reset_after,
            wait: Wait::NONE,
        }
    }

    #[inline]
    pub(crate) const fn denied_for(self, retry_after: Option<u64>) -> Self {
        Self {
            wait: Wait::of(retry_after),
            ..self
        }
    }

    /// Tells whether this limit allows the request.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Verdict};
    /// # use std::time::Duration;
    /// # let second = Duration::from_secs(1);
    /// let verdict = Verdict::allowed(Cost::requests(9), second);
    /// assert!(verdict.is_allowed());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.wait.is_none()
    }

    /// Returns what is left of this limit.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Verdict};
    /// # use std::time::Duration;
    /// # let second = Duration::from_secs(1);
    /// let verdict = Verdict::allowed(Cost::requests(9), second);
    /// assert_eq!(verdict.remaining(), Cost::requests(9));
    /// ```
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> Cost {
        Cost::milli(self.remaining)
    }

    /// Returns the time until this limit is as good as new.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Verdict};
    /// # use std::time::Duration;
    /// # let second = Duration::from_secs(1);
    /// let verdict = Verdict::allowed(Cost::requests(9), second);
    /// assert_eq!(verdict.reset_after(), second);
    /// ```
    #[inline]
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        Duration::from_millis(self.reset_after)
    }

    /// Returns the time after which this limit allows the request; `None` if it allows it now
    /// or never will.
    ///
    /// ```
    /// # use fastlimit_core::{Cost, Verdict};
    /// # use std::time::Duration;
    /// # let second = Duration::from_secs(1);
    /// let verdict = Verdict::allowed(Cost::requests(9), second);
    /// assert_eq!(verdict.retry_after(), None);
    /// ```
    #[inline]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.wait.duration()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdicts: &[(u64, Option<Option<u64>>)]) -> Outcome {
        let verdicts = verdicts.iter().map(|&(remaining, denial)| {
            let verdict = Verdict::standing(remaining, 10);
            denial.map_or(verdict, |retry_after| verdict.denied_for(retry_after))
        });
        Outcome::new(Timestamp::EPOCH, Timestamp::EPOCH, verdicts)
    }

    #[test]
    fn the_whole_is_made_of_the_limits() {
        let allowed = outcome(&[(3, None), (2, None), (2, None)]);
        assert!(allowed.is_allowed());
        assert_eq!((allowed.binding(), allowed.retry_after()), (1, None));
        assert_eq!(allowed.remaining(), Cost::milli(2));

        let denied = outcome(&[
            (0, None),
            (5, Some(Some(7))),
            (5, Some(Some(9))),
            (5, Some(Some(9))),
        ]);
        assert!(!denied.is_allowed());
        assert_eq!(
            (denied.binding(), denied.retry_after()),
            (2, Some(Duration::from_millis(9)))
        );
        assert_eq!(denied.remaining(), Cost::ZERO);

        for verdicts in [
            [(0, Some(Some(7))), (5, Some(None))],
            [(0, Some(Some(u64::MAX - 1))), (5, Some(None))],
        ] {
            let never = outcome(&verdicts);
            assert_eq!((never.binding(), never.retry_after()), (1, None));
        }
    }
}
