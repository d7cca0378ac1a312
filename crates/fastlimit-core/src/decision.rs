use std::fmt;
use std::time::Duration;

use crate::timestamp::whole_millis;
use crate::{Cost, Limit, Timestamp};

/// What was decided of one request: how each of its limits stands, and what follows for the whole.
///
/// A denial is a decision, not an error: only an error means that we do not know. Where a
/// denial should end a function, [`into_result`](Decision::into_result) makes `?` do that.
///
/// ```
/// # use fastlimit::{Cost, MemoryStore, Policy, RateLimiter};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let policy = Policy::new("exports", "2/hour; 9/day")?;
/// let request = limiter.request("user:42").cost(Cost::milli(1_500));
///
/// let decision = request.check(&policy).await?;
/// assert!(decision.is_allowed());
/// assert_eq!(decision.remaining_cost(), Cost::milli(500)); // of the limit that has least left
/// assert_eq!(decision.remaining(), 0); // in whole requests
/// assert!(decision.reset_after() <= Duration::from_secs(86_400)); // until all is back
/// // Until the next request of this cost passes: what is left is not enough for it.
/// assert!(decision.next_after() <= Some(Duration::from_secs(3_600)));
///
/// let decision = request.check(&policy).await?;
/// assert!(decision.is_denied());
/// assert!(decision.retry_after() <= Some(Duration::from_secs(3_600)));
/// assert_eq!(decision.binding().limit().to_string(), "2/hour");
/// let left: Vec<u64> = decision.limits().iter().map(|limit| limit.remaining()).collect();
/// assert_eq!(left, [0, 7]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at denies nothing"]
pub struct Decision {
    now: Timestamp,
    charged_at: Timestamp,
    limits: Statuses,
}

/// How the limits of a decision stand.
///
/// A decision is handed on several times for each check, so it is small: one limit stands in place,
/// several in a list of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Statuses {
    One(LimitStatus),
    List(Box<[LimitStatus]>),
}

/// How one limit of a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStatus {
    limit: Limit,
    /// Milli.
    remaining: u64,
    /// Milliseconds.
    reset_after: u64,
    wait: Wait,
}

/// How long a request has to wait, in order of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    /// It is allowed; the next of its cost waits so many milliseconds.
    Not(u64),
    /// It is allowed, and the next of its cost never is, since only a charge costs more than the
    /// capacity; or nobody asked about the next one.
    NotButNextForEver,
    Millis(u64),
    /// Waiting never helps.
    ForEver,
}

impl Decision {
    /// Creates a decision, as a store does.
    ///
    /// `now` is the store's time as it was read; `charged_at` the time of the state that was
    /// charged, which is later where the clock had stepped back; `limits` are in the order of the
    /// request's.
    ///
    /// ```
    /// use fastlimit::{Cost, Decision, Limit, LimitStatus, Timestamp};
    /// use std::time::Duration;
    ///
    /// let (second, now) = (Duration::from_secs(1), Timestamp::from_millis(1_500));
    /// let limits: [Limit; 2] = ["10/second".parse()?, "1000/hour".parse()?];
    /// let decision = Decision::new(now, now, [
    ///     LimitStatus::allowed(limits[0], Cost::requests(9), second / 2),
    ///     LimitStatus::denied(limits[1], Cost::ZERO, 60 * second, Some(60 * second)),
    /// ]);
    /// assert!(decision.is_denied());
    /// assert_eq!(decision.binding().limit(), limits[1]);
    /// # Ok::<(), fastlimit::ParseError>(())
    /// ```
    pub fn new(
        now: Timestamp,
        charged_at: Timestamp,
        limits: impl IntoIterator<Item = LimitStatus>,
    ) -> Self {
        let limits: Box<[_]> = limits.into_iter().collect();
        let limits = match *limits {
            [only] => Statuses::One(only),
            _ => Statuses::List(limits),
        };
        Self::of(now, charged_at, limits)
    }

    #[inline]
    pub(crate) fn of(now: Timestamp, charged_at: Timestamp, limits: Statuses) -> Self {
        Self {
            now,
            charged_at,
            limits,
        }
    }

    /// Tells whether the request is within its limits.
    #[inline]
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        // Not by `limits()`: what nobody has a slice of need not be in memory, which takes a fifth of
        // the time of a check off.
        match &self.limits {
            Statuses::One(only) => only.is_allowed(),
            Statuses::List(list) => list.iter().all(LimitStatus::is_allowed),
        }
    }

    /// Tells whether the request is past a limit; nothing was charged then.
    #[inline]
    #[must_use]
    pub fn is_denied(&self) -> bool {
        !self.is_allowed()
    }

    /// Returns the whole requests that remain of the limit that has least left, rounded down.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining_cost().whole_requests()
    }

    /// Returns what remains of the limit that has least left: a check of exactly that cost
    /// passes.
    #[inline]
    #[must_use]
    pub fn remaining_cost(&self) -> Cost {
        let least = self.limits().iter().map(LimitStatus::remaining_cost).min();
        least.unwrap_or(Cost::ZERO)
    }

    /// Returns the time until every limit is as good as new.
    #[inline]
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        let longest = self.limits().iter().map(LimitStatus::reset_after).max();
        longest.unwrap_or(Duration::ZERO)
    }

    /// Returns the time after which the same request passes, if nothing else is charged
    /// meanwhile; no earlier time does. `None` if the request is allowed, or if it never will
    /// be because it costs more than a limit's capacity.
    #[inline]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.wait().duration()
    }

    /// How long the request has to wait: as long as the limit that has to wait longest.
    #[inline]
    pub(crate) fn wait(&self) -> Wait {
        let longest = self.limits().iter().map(|limit| limit.wait).max();
        longest.unwrap_or(Wait::Not(0))
    }

    /// Returns the time after which a request of the same cost passes, if nothing else is charged
    /// meanwhile; no earlier time does. Zero if it would pass at once, `None` if it never will.
    ///
    /// In an answer that allows, it counts from what is left after this operation: it is what a
    /// client that was served has to wait before it comes again. In a denial it is
    /// [`retry_after`](Decision::retry_after). A usage and a reset cost nothing, so it is zero there.
    /// What [`Reservation::settle`](crate::Reservation::settle) asked the store has the cost of no
    /// request, so it is `None` there.
    ///
    /// ```
    /// # use fastlimit::{MemoryStore, Policy, RateLimiter};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// # let clock = fastlimit::ManualClock::default();
    /// # let limiter = RateLimiter::new(MemoryStore::builder().clock(clock).build());
    /// let policy = Policy::new("exports", "2/minute token-bucket")?;
    /// let first = limiter.check("user:42", &policy).await?;
    /// assert_eq!(first.next_after(), Some(Duration::ZERO)); // one is left
    ///
    /// let second = limiter.check("user:42", &policy).await?;
    /// assert!(second.is_allowed());
    /// assert_eq!(second.next_after(), Some(Duration::from_secs(30))); // until one has refilled
    /// assert_eq!(second.reset_after(), Duration::from_secs(60)); // until both have
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn next_after(&self) -> Option<Duration> {
        let mut longest = Duration::ZERO;
        for limit in self.limits() {
            longest = longest.max(limit.next_after()?);
        }
        Some(longest)
    }

    /// Leaves open when the next request passes: what was asked has not the cost of one.
    pub(crate) fn without_next_after(mut self) -> Self {
        let limits = match &mut self.limits {
            Statuses::One(only) => std::slice::from_mut(only),
            Statuses::List(list) => list,
        };
        for limit in limits {
            *limit = limit.with_next_after(None);
        }
        self
    }

    /// Returns the limit that binds: the denied one with the longest wait, else the one with
    /// the least remaining, of several such the one with the longest
    /// [`next_after`](LimitStatus::next_after); the first of equals.
    ///
    /// ```
    /// # use fastlimit::{MemoryStore, Policy, RateLimiter};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let clock = fastlimit::ManualClock::default();
    /// # let limiter = RateLimiter::new(MemoryStore::builder().clock(clock).build());
    /// let policy = Policy::new("exports", "1/second; 1/day")?;
    /// let decision = limiter.check("user:42", &policy).await?;
    /// assert_eq!(decision.binding().limit().to_string(), "1/day"); // both have nothing left
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn binding(&self) -> LimitStatus {
        let mut binding = None;
        for limit in self.limits() {
            if binding.is_none_or(|other| limit.binds_before(other)) {
                binding = Some(limit);
            }
        }
        // There is at least one.
        binding.copied().unwrap_or(LimitStatus::NOTHING)
    }

    /// Returns how each limit stands, in the policy's order.
    #[inline]
    #[must_use]
    pub fn limits(&self) -> &[LimitStatus] {
        match &self.limits {
            Statuses::One(only) => std::slice::from_ref(only),
            Statuses::List(list) => list,
        }
    }

    /// Returns the time at which the store decided, by its clock.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the time of the state that was charged, which an
    /// [`Operation::Refund`](crate::store::Operation::Refund) of this charge must name.
    #[inline]
    #[must_use]
    pub fn charged_at(&self) -> Timestamp {
        self.charged_at
    }

    /// Makes a denial an error, so that `?` ends the function.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] if the request is denied.
    ///
    /// ```
    /// use fastlimit::{Decision, Exceeded};
    ///
    /// fn remaining(decision: Decision) -> Result<u64, Exceeded> {
    ///     let allowed = decision.into_result()?;
    ///     Ok(allowed.decision().remaining())
    /// }
    /// ```
    pub fn into_result(self) -> Result<Allowed, Exceeded> {
        if self.is_allowed() {
            Ok(Allowed(self))
        } else {
            Err(Exceeded::new(self))
        }
    }
}

impl LimitStatus {
    const NOTHING: Self = Self::new(Limit::NOTHING, 0, 0, Wait::Not(0));

    /// Creates the status of a limit that allows the request: `remaining` is what is left
    /// after it, `reset_after` the time (whole milliseconds) until the limit is as good as new.
    /// The next request of the same cost passes at once, unless
    /// [`with_next_after`](LimitStatus::with_next_after) says otherwise.
    #[must_use]
    pub fn allowed(limit: Limit, remaining: Cost, reset_after: Duration) -> Self {
        let reset_after = whole_millis(reset_after);
        Self::new(limit, remaining.as_milli(), reset_after, Wait::Not(0))
    }

    /// Creates the status of a limit that denies the request: `remaining` is what is left,
    /// and `retry_after` the time (whole milliseconds) after which the request passes, `None`
    /// if it never will because it costs more than the capacity.
    #[must_use]
    pub fn denied(
        limit: Limit,
        remaining: Cost,
        reset_after: Duration,
        retry_after: Option<Duration>,
    ) -> Self {
        let wait = retry_after.map_or(Wait::ForEver, |wait| Wait::Millis(whole_millis(wait)));
        let status = Self::allowed(limit, remaining, reset_after);
        Self { wait, ..status }
    }

    /// Sets the time (whole milliseconds) after which the next request of the same cost passes,
    /// `None` if it never will. A status that denies keeps its `retry_after`, which is that time.
    ///
    /// ```
    /// use fastlimit::{Cost, Limit, LimitStatus};
    /// use std::time::Duration;
    ///
    /// let (limit, half): (Limit, _) = ("1/second".parse()?, Duration::from_millis(500));
    /// let status = LimitStatus::allowed(limit, Cost::ZERO, half).with_next_after(Some(half));
    /// assert!(status.is_allowed());
    /// assert_eq!(status.next_after(), Some(half));
    /// # Ok::<(), fastlimit::ParseError>(())
    /// ```
    #[must_use]
    pub fn with_next_after(self, next_after: Option<Duration>) -> Self {
        if !self.is_allowed() {
            return self;
        }
        let next = |wait| Wait::Not(whole_millis(wait));
        let wait = next_after.map_or(Wait::NotButNextForEver, next);
        Self { wait, ..self }
    }

    #[inline]
    pub(crate) const fn new(limit: Limit, remaining: u64, reset_after: u64, wait: Wait) -> Self {
        Self {
            limit,
            remaining,
            reset_after,
            wait,
        }
    }

    /// Tells whether a client has to mind this limit rather than another: a denial before what
    /// allows, the longer wait of two denials, else the less that remains, else the longer wait of the
    /// next request.
    fn binds_before(&self, other: &Self) -> bool {
        if self.is_allowed() && other.is_allowed() && self.remaining != other.remaining {
            return self.remaining < other.remaining;
        }
        self.wait > other.wait
    }

    /// Returns the limit.
    #[inline]
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Tells whether this limit allows the request.
    #[inline]
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self.wait, Wait::Not(_) | Wait::NotButNextForEver)
    }

    /// Returns the whole requests that remain, rounded down.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining_cost().whole_requests()
    }

    /// Returns what remains.
    #[inline]
    #[must_use]
    pub fn remaining_cost(&self) -> Cost {
        Cost::milli(self.remaining)
    }

    /// Returns the time until the limit is as good as new.
    #[inline]
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        Duration::from_millis(self.reset_after)
    }

    /// Returns the time after which this limit allows the request; `None` if it allows it now
    /// or never will.
    #[inline]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.wait.duration()
    }

    /// Returns the time after which this limit allows a request of the same cost, zero if it would
    /// at once, `None` if it never will or in the answer to a settlement; see
    /// [`Decision::next_after`].
    #[inline]
    #[must_use]
    pub fn next_after(&self) -> Option<Duration> {
        match self.wait {
            Wait::Not(millis) | Wait::Millis(millis) => Some(Duration::from_millis(millis)),
            Wait::NotButNextForEver | Wait::ForEver => None,
        }
    }
}

impl Wait {
    fn duration(self) -> Option<Duration> {
        match self {
            Self::Millis(millis) => Some(Duration::from_millis(millis)),
            Self::Not(_) | Self::NotButNextForEver | Self::ForEver => None,
        }
    }
}

/// A decision that allows the request, from [`Decision::into_result`].
#[derive(Clone, Debug)]
pub struct Allowed(Decision);

impl Allowed {
    /// Returns the decision.
    pub fn decision(&self) -> &Decision {
        &self.0
    }

    /// Returns the decision, by value.
    pub fn into_decision(self) -> Decision {
        self.0
    }
}

/// A decision that denies the request, as an error, from [`Decision::into_result`].
///
/// It shows which limit refused and when to come back, and no identifier.
///
/// ```
/// # use fastlimit::{MemoryStore, Rate, RateLimiter};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let limiter = RateLimiter::new(MemoryStore::new());
/// let none: Rate = "0/minute".parse()?;
/// let exceeded = limiter.check("user:42", none).await?.into_result().unwrap_err();
/// assert_eq!(
///     exceeded.to_string(),
///     "rate limit of 0/minute exceeded; the request costs more than the limit ever allows"
/// );
/// assert_eq!(exceeded.retry_after_seconds(), None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
// Boxed, so that a result with it stays small.
pub struct Exceeded(Box<Decision>);

impl Exceeded {
    /// The decision denies.
    pub(crate) fn new(decision: Decision) -> Self {
        Self(Box::new(decision))
    }

    /// Returns the decision.
    pub fn decision(&self) -> &Decision {
        &self.0
    }

    /// Returns the limit that refused: the one with the longest wait.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.0.binding().limit()
    }

    /// Returns the time after which the same request passes; `None` if it never will.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after()
    }

    /// Returns [`retry_after`](Exceeded::retry_after) in whole seconds, rounded up and at least
    /// 1, as the header `Retry-After` shows it.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after()?;
        let part = u64::from(wait.subsec_nanos() > 0);
        Some(wait.as_secs().saturating_add(part).max(1))
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate limit of {} exceeded; ", self.limit())?;
        match self.retry_after_seconds() {
            Some(seconds) => write!(f, "retry after {seconds} s"),
            None => f.write_str("the request costs more than the limit ever allows"),
        }
    }
}

impl std::error::Error for Exceeded {}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(limits: &[(u64, Wait)]) -> Decision {
        let status = |&(remaining, wait)| LimitStatus::new(Limit::NOTHING, remaining, 10, wait);
        let limits = limits.iter().map(status);
        Decision::new(Timestamp::EPOCH, Timestamp::EPOCH, limits)
    }

    #[test]
    fn the_whole_is_made_of_the_limits() {
        use Wait::{ForEver, Millis, Not};

        let allowed = decision(&[(3, Not(0)), (2, Not(0)), (4, Not(0))]);
        assert!(allowed.is_allowed());
        assert_eq!(allowed.binding(), allowed.limits()[1]);
        assert_eq!(allowed.retry_after(), None);
        assert_eq!(allowed.next_after(), Some(Duration::ZERO));
        assert_eq!(allowed.remaining_cost(), Cost::milli(2));

        let denied = decision(&[(0, Not(0)), (5, Millis(7)), (6, Millis(9)), (7, Millis(9))]);
        assert!(denied.is_denied());
        assert_eq!(denied.binding(), denied.limits()[2]);
        assert_eq!(denied.retry_after(), Some(Duration::from_millis(9)));
        assert_eq!(denied.next_after(), denied.retry_after());
        assert_eq!(denied.remaining_cost(), Cost::ZERO);

        let never = decision(&[(0, Millis(u64::MAX)), (5, ForEver)]);
        assert_eq!(never.binding(), never.limits()[1]);
        assert_eq!((never.retry_after(), never.next_after()), (None, None));
    }

    #[test]
    fn what_is_allowed_tells_when_the_next_passes() {
        use Wait::{Millis, Not, NotButNextForEver};

        let spent = decision(&[(3, Not(8)), (0, Not(5)), (4, Not(0))]);
        assert!(spent.is_allowed());
        assert_eq!(spent.binding(), spent.limits()[1]);
        assert_eq!(spent.retry_after(), None);
        assert_eq!(spent.next_after(), Some(Duration::from_millis(8)));

        let last = decision(&[(0, NotButNextForEver), (0, Not(9))]);
        assert!(last.is_allowed());
        assert_eq!((last.retry_after(), last.next_after()), (None, None));

        // Of those that have equally little left, the one whose next waits longest.
        let level = decision(&[(0, Not(8)), (1, Not(90)), (0, Not(9)), (0, Not(9))]);
        assert_eq!(level.binding(), level.limits()[2]);
        let last = decision(&[(0, Not(9)), (0, NotButNextForEver)]);
        assert_eq!(last.binding(), last.limits()[1]);

        // What the next waits for is no reason to wait for one that is denied by another limit.
        let denied = decision(&[(0, Not(u64::MAX)), (1, Millis(7)), (0, Millis(7))]);
        assert_eq!(denied.retry_after(), Some(Duration::from_millis(7)));
        assert_eq!(denied.binding(), denied.limits()[1]); // what remains plays no part
    }

    #[test]
    fn a_decision_stays_small() {
        assert!(size_of::<Decision>() <= 80, "{}", size_of::<Decision>());
    }
}
