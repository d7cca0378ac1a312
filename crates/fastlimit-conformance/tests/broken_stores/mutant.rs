//! A small store of its own arithmetic that can be broken in one way at a time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastlimit_conformance::{Fixture, FixtureError, Inspect, Lifetime, StoreFactory, async_trait};
use fastlimit_core::store::{Key, Operation, Reply, Request};
use fastlimit_core::{
    Algorithm, Clock, Cost, Decision, Limit, LimitStatus, ManualClock, Store, Timestamp,
};

use crate::log::Log;

/// One way to be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Not at all: the twin of the broken ones.
    None,
    AdmitsOneLess,
    AdmitsOneMore,
    RoundsCostsUp,
    ClampsCosts,
    ZeroMeansUnlimited,
    DeniesZeroCosts,
    CountsIn32Bits,
    ChargesDenials,
    DenialsForgive,
    DatesDenials,
    RoundsRemaining,
    RetryTooEarly,
    RetryTooLate,
    NeverSaysNever,
    /// Whatever is left, the next is said to pass at once.
    NextAtOnce,
    NextTooEarly,
    NextTooLate,
    /// The next is said to pass when everything is back.
    NextAtReset,
    NextNeverSaysNever,
    ResetTooEarly,
    NeverResets,
    WindowsFromFirstHit,
    WindowsEndEarly,
    ReportsAnOldTime,
    FreshWhenClockStepsBack,
    WaitsFromOwnTime,
    LockedOutByFuture,
    ForgetsLongNames,
    LowercasesKeys,
    IgnoresPrefix,
    IgnoresPolicy,
    IgnoresTenant,
    GluesKeys,
    InstancesApart,
    ReadsThenWrites,
    SwapsReplies,
    PeekTakes,
    PeekLooksAtFirst,
    PeekCreates,
    ChargeStopsAtCapacity,
    ChargeIsDenied,
    DebtCarriesOver,
    ChargeDoesNotSaturate,
    RefundIsLost,
    RefundAboveCapacity,
    RefundFromAnyWindow,
    ResetForgetsNothing,
    ResetForgetsAllLimits,
    ResetForgetsEverybody,
    ResetLeavesKey,
    ChargesSomeLimits,
    ShowsDeniedAsCharged,
    FirstLimitOnly,
    ReversesLimits,
    NamesTheFirstLimit,
    ForgetsOtherLimits,
    IgnoresPeriod,
    TagsByNumber,
    KeepsOldNumber,
    LoweredUnderflows,
    NeverDrops,
    DropsWithoutGrace,
    DropsLive,
    LivesForEver,
    DiesTooSoon,
    /// The estimate of a sliding window is rounded down.
    EstimateRoundsDown,
    /// A sliding window begins anew with every aligned one.
    ForgetsTheWindowBefore,
    /// Whatever window a refund names, it is taken from the present one.
    RefundsThePresentWindow,
    /// A sliding window ignores refunds of what was charged in the window before.
    RefundsNoOldWindow,
    /// What a bucket refills is cut to whole thousandths at each admission.
    RefillDropsFractions,
    /// What a bucket refills is rounded up at each admission.
    RefillAddsFractions,
    /// A denied check cuts what a bucket has refilled to whole thousandths.
    PollingLosesFractions,
    /// What a bucket refills is multiplied in doubles, as in a language that has only these.
    MultipliesInDoubles,
    /// The capacity of a bucket is the number of its rate.
    IgnoresBurst,
    /// Another burst or another number makes a bucket fresh.
    FreshBurstOnChange,
    /// A bucket takes refunds of its own period's window only.
    BucketRefundsByWindow,
    /// A level saturates at 2^41 whatever the rate.
    DrainsForEver,
    /// A level saturates when it is charged, not when it is read under a lowered rate.
    LoweredDrainsForEver,
    /// At a rate of 0 a record is dated and emptied.
    ZeroEmptiesBuckets,
    /// A denied check takes what is left.
    TakesPartOfACheck,
    /// Limits of one period share their state.
    IgnoresAlgorithm,
    /// A charge leaves a log a millisecond early: its period is open at both ends.
    LogLeavesEarly,
    /// A charge leaves a log a millisecond late: its period is closed at both ends.
    LogLeavesLate,
    /// A log dates what it records by a clock that stepped back.
    LogDatesByTheClock,
    /// A denial waits until the oldest has left, though that be not enough.
    LogWaitsForTheOldest,
    /// A denial waits until all has left.
    LogWaitsForTheNewest,
    /// Whatever time a refund names, a log takes it from what was charged last.
    LogRefundsTheNewest,
    /// What a refund names more than was charged then, a log takes from other charges.
    LogRefundSpills,
    /// What was given back whole is waited for.
    LogKeepsEmptyEntries,
    LogGrows,
    LogForgetsTheOldest,
    LogMergesToTheEarlier,
    LogMergesTheNewest,
    /// It promises to answer at once, and has to be waited for.
    WaitsDespiteItsPromise,
    WaitsWithDenialsOf(Algorithm),
    RetryTooEarlyOf(Algorithm),
    NextTooEarlyOf(Algorithm),
    ResetTooEarlyOf(Algorithm),
    LockedOutByFutureOf(Algorithm),
    RefundAboveCapacityOf(Algorithm),
    FreshWhenClockStepsBackOf(Algorithm),
    WaitsFromOwnTimeOf(Algorithm),
    ChargesDenialsOf(Algorithm),
    AdmitsOneMoreOf(Algorithm),
    DropsWithoutGraceOf(Algorithm),
    NeverSaysNeverOf(Algorithm),
}

use Mutation as M;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    algorithm: Algorithm,
    /// When the window began; the time of a bucket or a log.
    start: u64,
    /// In the present window; the whole thousandths of a level; the sum of a log.
    used: u64,
    /// In the window before.
    previous: u64,
    /// The rest of a level, less than the period.
    part: u64,
    log: Log,
    /// For stores that keep the number that they saw first, and for what must be dropped.
    capacity: u64,
    number: u64,
    period: u64,
}

const LONGEST_DRAIN: u128 = 36_525 * 86_400_000;

impl Window {
    fn new(limit: &Limit, start: u64) -> Self {
        Self {
            algorithm: limit.algorithm(),
            start,
            used: 0,
            previous: 0,
            part: 0,
            log: Log::default(),
            capacity: limit.capacity().as_milli(),
            number: u64::from(limit.rate().requests()) * 1_000,
            period: limit.rate().period().as_millis() as u64,
        }
    }

    /// The level of a bucket, in parts of a thousandth.
    fn level(&self) -> u128 {
        u128::from(self.used) * u128::from(self.period) + u128::from(self.part)
    }

    fn set_level(&mut self, level: u128) {
        self.used = (level / u128::from(self.period)) as u64;
        self.part = (level % u128::from(self.period)) as u64;
    }

    /// When nothing of it counts any more.
    fn end(&self) -> u64 {
        match self.algorithm {
            Algorithm::SlidingWindow if self.used > 0 => self.start + 2 * self.period,
            Algorithm::SlidingWindow if self.previous == 0 => self.start,
            Algorithm::TokenBucket if self.number == 0 => self.start,
            Algorithm::TokenBucket => {
                self.start + self.level().div_ceil(u128::from(self.number)) as u64
            }
            Algorithm::SlidingLog => {
                let newest = self.log.newest();
                newest.map_or(self.start, |newest| newest + self.period)
            }
            _ => self.start + self.period,
        }
    }

    /// What is in use, at the time of the window or later in it.
    fn usage(&self, now: u64, rounds_down: bool) -> u64 {
        match self.algorithm {
            Algorithm::SlidingWindow => {
                let covered = self.start + self.period - now.max(self.start);
                let counts = u128::from(self.previous) * u128::from(covered);
                let period = u128::from(self.period);
                let counts = match rounds_down {
                    true => counts / period,
                    false => counts.div_ceil(period),
                };
                self.used + counts as u64
            }
            Algorithm::TokenBucket => self.used + u64::from(self.part > 0),
            _ => self.used,
        }
    }

    /// When a cost passes that does not now.
    fn passes_at(&self, cost: u64, capacity: u64, broken: Mutation) -> u64 {
        let free = capacity.saturating_sub(cost);
        match self.algorithm {
            Algorithm::SlidingWindow => {
                let (start, free, leaving) = match free.checked_sub(self.used) {
                    Some(free) => (self.start, free, self.previous),
                    None => (self.start + self.period, free, self.used),
                };
                let early = u128::from(free) * u128::from(self.period) / u128::from(leaving.max(1));
                start + self.period - (early as u64).min(self.period)
            }
            Algorithm::TokenBucket => {
                let free = u128::from(free) * u128::from(self.period);
                let over = self.level().saturating_sub(free);
                self.start + over.div_ceil(u128::from(self.number.max(1))) as u64
            }
            Algorithm::SlidingLog => {
                let leaves = self.log.leaves_free(free, broken);
                leaves.map_or(self.start, |time| time + self.period)
            }
            _ => self.start + self.period,
        }
    }

    fn take(&mut self, cost: u64, now: u64, broken: Mutation) {
        match self.algorithm {
            Algorithm::TokenBucket if self.number == 0 => {}
            Algorithm::TokenBucket => {
                self.used += cost;
                self.saturate(broken == M::DrainsForEver);
            }
            Algorithm::SlidingLog => {
                let time = match broken {
                    M::LogDatesByTheClock => now,
                    _ => self.start,
                };
                self.log.charge(time, cost, broken);
                self.used = self.log.used();
            }
            _ => self.used += cost,
        }
    }

    /// Whether it is a window that begins where others do.
    fn is_aligned(&self) -> bool {
        let aligned = [Algorithm::FixedWindow, Algorithm::SlidingWindow];
        aligned.contains(&self.algorithm)
    }

    /// Cuts a level to what drains in time.
    fn saturate(&mut self, whatever_the_rate: bool) {
        let mut most = 1 << 41;
        if !whatever_the_rate {
            most = most.min(u128::from(self.number) * LONGEST_DRAIN / u128::from(self.period));
        }
        let level = self.level().min(most * u128::from(self.period));
        self.set_level(level);
    }
}

type Records = BTreeMap<(u64, u64), Window>;

#[derive(Debug, Default)]
struct Shared {
    subjects: Mutex<HashMap<String, Records>>,
    replies: Mutex<VecDeque<Decision>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

#[derive(Clone)]
pub(crate) struct Mutant {
    broken: Mutation,
    shared: Arc<Shared>,
    clock: ManualClock,
}

impl Store for Mutant {
    fn apply(&self, request: &Request<'_>) -> Reply<'_> {
        let name = self.name(request.key());
        match self.broken {
            M::ReadsThenWrites => {
                let request = request.to_owned();
                Reply::pending(async move {
                    let mut records = lock(&self.shared.subjects)
                        .get(&name)
                        .cloned()
                        .unwrap_or_default();
                    tokio::task::yield_now().await;
                    let decision = self.decide(&mut records, &request.as_request());
                    lock(&self.shared.subjects).insert(name, records);
                    Ok(decision)
                })
            }
            M::SwapsReplies => {
                let decision = self.locked(&name, request);
                Reply::pending(async move {
                    lock(&self.shared.replies).push_back(decision);
                    tokio::task::yield_now().await;
                    Ok(lock(&self.shared.replies).pop_front().unwrap())
                })
            }
            M::WaitsDespiteItsPromise => {
                let decision = self.locked(&name, request);
                Reply::pending(async { Ok(decision) })
            }
            M::WaitsWithDenialsOf(algorithm) => {
                let decision = self.locked(&name, request);
                let has_it = |limit: &Limit| limit.algorithm() == algorithm;
                if decision.is_allowed() || !request.limits().iter().any(has_it) {
                    Reply::ready(Ok(decision))
                } else {
                    Reply::pending(async { Ok(decision) })
                }
            }
            _ => Reply::ready(Ok(self.locked(&name, request))),
        }
    }

    fn answers_at_once(&self) -> bool {
        !matches!(self.broken, M::ReadsThenWrites | M::SwapsReplies)
    }
}

impl Mutant {
    fn name(&self, key: &Key<'_>) -> String {
        let mut parts =
            [key.prefix(), key.policy(), key.tenant(), key.identifier()].map(str::to_owned);
        match self.broken {
            M::IgnoresPrefix => parts[0].clear(),
            M::IgnoresPolicy => parts[1].clear(),
            M::IgnoresTenant => parts[2].clear(),
            M::LowercasesKeys => parts = parts.map(|part| part.to_lowercase()),
            M::ForgetsLongNames => parts = parts.map(|part| part.chars().take(200).collect()),
            M::GluesKeys => return parts.join(":"),
            _ => {}
        }
        format!("{parts:?}")
    }

    fn locked(&self, name: &str, request: &Request<'_>) -> Decision {
        let now = self.clock.now().as_millis();
        let mut subjects = lock(&self.shared.subjects);
        if !matches!(self.broken, M::NeverDrops | M::NeverResets) {
            for records in subjects.values_mut() {
                records.retain(|_, window| {
                    let end = window.end();
                    match self.broken {
                        M::DropsWithoutGrace => end > now,
                        _ if self.is(M::DropsWithoutGraceOf, window.algorithm) => end > now,
                        M::DropsLive => window.start + window.period.min(60_000) * 2 > now,
                        _ => end + window.period.min(60_000) > now,
                    }
                });
            }
            subjects.retain(|_, records| !records.is_empty());
        }
        if self.broken == M::ResetForgetsEverybody && request.operation() == Operation::Reset {
            subjects.clear();
        }
        let mut records = subjects.get(name).cloned().unwrap_or_default();
        let decision = self.decide(&mut records, request);
        let keeps_empty = match self.broken {
            M::PeekCreates => matches!(request.operation(), Operation::Peek(_)),
            M::ResetLeavesKey => request.operation() == Operation::Reset,
            _ => false,
        };
        if records.is_empty() && !keeps_empty {
            subjects.remove(name);
        } else {
            if keeps_empty && records.is_empty() {
                records.insert((1, 1), Window::new(&request.limits()[0], now));
            }
            subjects.insert(name.to_owned(), records);
        }
        decision
    }

    fn decide(&self, records: &mut Records, request: &Request<'_>) -> Decision {
        let now = self.clock.now().as_millis();
        let mut limits: Vec<Limit> = request.limits().to_vec();
        let all = limits.len();
        let peeks = matches!(request.operation(), Operation::Peek(_));
        if self.broken == M::FirstLimitOnly || (self.broken == M::PeekLooksAtFirst && peeks) {
            limits.truncate(1);
        }
        let windows: Vec<Window> = limits
            .iter()
            .map(|limit| self.window(records, limit, now))
            .collect();
        let latest = windows.iter().map(|window| window.start).max().unwrap_or(0);
        let mut charged_at = now.max(latest);
        let mut statuses: Vec<LimitStatus> = match request.operation() {
            Operation::Check(cost) => self.check(records, &limits, &windows, cost, now, true),
            Operation::Peek(cost) => {
                let writes = self.broken == M::PeekTakes;
                self.check(records, &limits, &windows, cost, now, writes)
            }
            Operation::Charge(cost) => {
                self.update(records, &limits, &windows, cost, now, |window, limit| {
                    let most = match self.broken {
                        M::ChargeStopsAtCapacity => limit.capacity().as_milli(),
                        M::ChargeDoesNotSaturate => u64::MAX,
                        _ => 1 << 41,
                    };
                    if !window.is_aligned() {
                        let cost = cost.as_milli().min(most.saturating_sub(window.used));
                        window.take(cost, now, self.broken);
                    } else {
                        window.used = (window.used + cost.as_milli()).min(most.max(window.used));
                    }
                })
            }
            Operation::Refund { cost, charged_at } => {
                self.update(records, &limits, &windows, cost, now, |window, limit| {
                    self.refund(window, limit, cost.as_milli(), charged_at.as_millis());
                })
            }
            Operation::Reset => {
                charged_at = now;
                match self.broken {
                    M::ResetForgetsNothing => {}
                    M::ResetForgetsAllLimits => records.clear(),
                    _ => {
                        records
                            .retain(|tag, _| !limits.iter().any(|limit| self.tag(limit) == *tag));
                    }
                }
                let none = Records::new();
                limits
                    .iter()
                    .map(|limit| self.standing(limit, &self.window(&none, limit, now), now))
                    .collect()
            }
            other => unimplemented!("{other:?}"),
        };
        if self.broken == M::ChargeIsDenied
            && matches!(request.operation(), Operation::Charge(_))
            && statuses[0].remaining_cost() == Cost::ZERO
        {
            let status = statuses[0];
            statuses[0] =
                LimitStatus::denied(status.limit(), Cost::ZERO, status.reset_after(), None);
        }
        if self.broken == M::ReversesLimits {
            statuses.reverse();
            for (status, limit) in statuses.iter_mut().zip(&limits) {
                *status = named(status, *limit);
            }
        }
        if self.broken == M::NamesTheFirstLimit {
            for status in &mut statuses {
                *status = named(status, limits[0]);
            }
        }
        while statuses.len() < all {
            statuses.push(statuses[0]);
        }
        let reported = match self.broken {
            M::ReportsAnOldTime => now.saturating_sub(1),
            _ => now,
        };
        Decision::new(
            Timestamp::from_millis(reported),
            Timestamp::from_millis(charged_at),
            statuses,
        )
    }

    fn check(
        &self,
        records: &mut Records,
        limits: &[Limit],
        windows: &[Window],
        cost: Cost,
        now: u64,
        writes: bool,
    ) -> Vec<LimitStatus> {
        let mut cost = cost.as_milli();
        if self.broken == M::RoundsCostsUp {
            cost = cost.div_ceil(1_000) * 1_000;
        }
        let admits = |limit: &Limit, window: &Window| {
            let capacity = self.capacity(limit, window);
            let used = window.usage(now, self.broken == M::EstimateRoundsDown);
            if cost == 0 {
                return self.broken != M::DeniesZeroCosts || used <= capacity;
            }
            let free = match self.broken {
                M::LoweredUnderflows => capacity.wrapping_sub(used),
                _ => capacity.saturating_sub(used),
            };
            match self.broken {
                _ if self.is(M::AdmitsOneMoreOf, limit.algorithm()) => free > 0 && cost <= capacity,
                M::AdmitsOneLess => cost < free,
                M::AdmitsOneMore => free > 0 && cost <= capacity,
                M::ClampsCosts => cost.min(capacity) <= free,
                M::ZeroMeansUnlimited if capacity == 0 => true,
                _ => cost <= free,
            }
        };
        let admitted: Vec<bool> = limits
            .iter()
            .zip(windows)
            .map(|(l, w)| admits(l, w))
            .collect();
        let all = !admitted.contains(&false);
        let statuses = limits.iter().zip(windows).zip(&admitted);
        statuses
            .map(|((limit, window), admits)| {
                let mut next = window.clone();
                let charges = match self.broken {
                    M::ChargesDenials => true,
                    M::ChargesSomeLimits => *admits,
                    _ => all,
                };
                if charges || self.is(M::ChargesDenialsOf, limit.algorithm()) {
                    next.take(cost, now, self.broken);
                    self.round_refill(&mut next);
                } else if self.broken == M::DenialsForgive {
                    next.used = next.used.saturating_sub(1);
                } else if self.broken == M::TakesPartOfACheck {
                    next.take(
                        self.standing(limit, &next, now).remaining_cost().as_milli(),
                        now,
                        M::None,
                    );
                }
                let dates = match self.broken {
                    M::DatesDenials => !all,
                    M::PollingLosesFractions => {
                        next.used += u64::from(next.part > 0);
                        next.part = 0;
                        next.algorithm == Algorithm::TokenBucket
                    }
                    _ => false,
                };
                if writes && (next != *window || dates) {
                    self.write(records, limits, limit, &next);
                }
                let shown = if *admits && self.broken == M::ShowsDeniedAsCharged && !all {
                    Window {
                        used: window.used + cost,
                        ..window.clone()
                    }
                } else {
                    next
                };
                let standing = self.standing(limit, &shown, now);
                if *admits {
                    return self.with_next(standing, &shown, cost, now);
                }
                let from = self.waits_from(window, now);
                let capacity = self.capacity(limit, window);
                let wait =
                    Duration::from_millis(window.passes_at(cost, capacity, self.broken) - from);
                let wait = match self.broken {
                    M::RetryTooEarly => wait.saturating_sub(Duration::from_millis(1)),
                    M::RetryTooLate => wait + Duration::from_millis(1),
                    _ if self.is(M::RetryTooEarlyOf, window.algorithm) => {
                        wait.saturating_sub(Duration::from_millis(1))
                    }
                    _ => wait,
                };
                let helps = cost <= capacity
                    || self.broken == M::NeverSaysNever
                    || self.is(M::NeverSaysNeverOf, window.algorithm);
                LimitStatus::denied(
                    *limit,
                    standing.remaining_cost(),
                    standing.reset_after(),
                    helps.then_some(wait),
                )
            })
            .collect()
    }

    fn update(
        &self,
        records: &mut Records,
        limits: &[Limit],
        windows: &[Window],
        cost: Cost,
        now: u64,
        change: impl Fn(&mut Window, &Limit),
    ) -> Vec<LimitStatus> {
        let changed = limits.iter().zip(windows).map(|(limit, window)| {
            let mut next = window.clone();
            change(&mut next, limit);
            if next != *window {
                self.write(records, limits, limit, &next);
            }
            let standing = self.standing(limit, &next, now);
            self.with_next(standing, &next, cost.as_milli(), now)
        });
        changed.collect()
    }

    fn refund(&self, window: &mut Window, limit: &Limit, cost: u64, charged_at: u64) {
        if window.algorithm == Algorithm::SlidingLog && self.broken != M::RefundIsLost {
            let given_back = window.log.refund(cost, charged_at, self.broken);
            window.used = window.log.used();
            if self.above_capacity(limit) && given_back.is_some_and(|given_back| given_back < cost)
            {
                window.capacity = limit.capacity().as_milli() + 1_000;
            }
            return;
        }
        let charged = charged_at - charged_at % window.period;
        let bucket = window.algorithm == Algorithm::TokenBucket;
        let own = match self.broken {
            M::BucketRefundsByWindow if bucket => {
                charged == window.start - window.start % window.period
            }
            M::RefundsThePresentWindow => true,
            _ => bucket || charged == window.start,
        };
        let sliding = window.algorithm == Algorithm::SlidingWindow;
        match self.broken {
            M::RefundIsLost => {}
            _ if bucket && own && !(self.above_capacity(limit) && cost > window.used) => {
                let cost = u128::from(cost) * u128::from(window.period);
                window.set_level(window.level().saturating_sub(cost));
            }
            M::RefundsNoOldWindow if !own => {}
            _ if sliding && !own && charged.checked_add(window.period) == Some(window.start) => {
                window.previous = window.previous.saturating_sub(cost);
            }
            M::RefundFromAnyWindow => window.used = window.used.saturating_sub(cost),
            // More than the capacity remains: as much as one more request.
            _ if self.above_capacity(limit) && own && cost > window.used => {
                window.part = 0;
                window.used = 0;
                window.capacity = limit.capacity().as_milli() + 1_000;
            }
            _ if own => window.used = window.used.saturating_sub(cost),
            _ => {}
        }
    }

    /// The window of a limit at `now`.
    fn window(&self, records: &Records, limit: &Limit, now: u64) -> Window {
        let period = limit.rate().period().as_millis() as u64;
        let locked = self.broken == M::LockedOutByFuture
            || self.is(M::LockedOutByFutureOf, limit.algorithm());
        let stored = records
            .get(&self.tag(limit))
            .cloned()
            .filter(|stored| stored.start <= now + period + 60_000 || locked);
        if limit.algorithm() == Algorithm::TokenBucket {
            return self.bucket(stored, limit, now);
        }
        if limit.algorithm() == Algorithm::SlidingLog {
            return self.log(stored, limit, now);
        }
        let mut start = now - now % period;
        if self.broken == M::WindowsFromFirstHit {
            start = stored.as_ref().map_or(now, |stored| {
                if now >= stored.start + period {
                    now
                } else {
                    stored.start
                }
            });
        }
        if self.broken == M::WindowsEndEarly && now % period + 1 == period && period > 1 {
            start += period;
        }
        let fresh = Window::new(limit, start);
        let steps_back = self.broken == M::FreshWhenClockStepsBack
            || self.is(M::FreshWhenClockStepsBackOf, limit.algorithm());
        match stored {
            Some(stored) if self.broken == M::NeverResets => Window {
                start: stored.start.max(start),
                ..stored
            },
            Some(stored) if steps_back && stored.start > start => fresh,
            Some(stored) if stored.start >= start => Window {
                number: fresh.number,
                ..stored
            },
            Some(stored) if limit.algorithm() == Algorithm::SlidingWindow => Window {
                previous: match stored.start + period == start {
                    true if self.broken != M::ForgetsTheWindowBefore => stored.used,
                    _ => 0,
                },
                capacity: stored.capacity,
                ..fresh
            },
            Some(stored) if self.broken == M::DebtCarriesOver => Window {
                used: stored.used.saturating_sub(fresh.capacity),
                ..fresh
            },
            _ => fresh,
        }
    }

    /// The bucket of a limit at `now`.
    fn bucket(&self, stored: Option<Window>, limit: &Limit, now: u64) -> Window {
        let fresh = Window::new(limit, now);
        let Some(stored) = stored else {
            return fresh;
        };
        if fresh.number == 0 && self.broken != M::ZeroEmptiesBuckets {
            return fresh;
        }
        let steps_back = self.broken == M::FreshWhenClockStepsBack
            || self.is(M::FreshWhenClockStepsBackOf, Algorithm::TokenBucket);
        let changed = self.broken == M::FreshBurstOnChange && stored.capacity != fresh.capacity;
        if (steps_back && stored.start > now) || changed {
            return fresh;
        }
        let mut window = Window {
            start: now.max(stored.start),
            number: fresh.number,
            ..stored
        };
        if self.broken != M::LoweredDrainsForEver {
            window.saturate(self.broken == M::DrainsForEver);
        }
        let elapsed = window.start - stored.start;
        let leaked = match self.broken {
            M::MultipliesInDoubles => (elapsed as f64 * window.number as f64) as u128,
            _ => u128::from(elapsed) * u128::from(window.number),
        };
        if self.broken != M::NeverResets {
            window.set_level(window.level().saturating_sub(leaked));
        }
        window
    }

    /// The log of a limit at `now`.
    fn log(&self, stored: Option<Window>, limit: &Limit, now: u64) -> Window {
        let fresh = Window::new(limit, now);
        let steps_back = self.broken == M::FreshWhenClockStepsBack
            || self.is(M::FreshWhenClockStepsBackOf, Algorithm::SlidingLog);
        let Some(mut log) = stored.filter(|stored| !steps_back || stored.start <= now) else {
            return fresh;
        };
        log.start = log.start.max(now);
        log.log.leave(log.start, log.period, self.broken);
        log.used = log.log.used();
        log
    }

    /// What an admission leaves of a level, for stores that lose or win a fraction then.
    fn round_refill(&self, window: &mut Window) {
        if window.algorithm == Algorithm::TokenBucket && window.part > 0 {
            match self.broken {
                M::RefillDropsFractions => (window.used, window.part) = (window.used + 1, 0),
                M::RefillAddsFractions => window.part = 0,
                _ => {}
            }
        }
    }

    /// Tells whether the store is broken in one way for one algorithm, which is this one.
    fn is(&self, broken: impl Fn(Algorithm) -> Mutation, algorithm: Algorithm) -> bool {
        self.broken == broken(algorithm)
    }

    fn above_capacity(&self, limit: &Limit) -> bool {
        self.broken == M::RefundAboveCapacity
            || self.is(M::RefundAboveCapacityOf, limit.algorithm())
    }

    /// What waits count from.
    fn waits_from(&self, window: &Window, now: u64) -> u64 {
        let from_own_time =
            self.broken == M::WaitsFromOwnTime || self.is(M::WaitsFromOwnTimeOf, window.algorithm);
        match from_own_time {
            true => now.max(window.start),
            false => now,
        }
    }

    /// A status that tells when the next of a cost passes, after which the window is this.
    fn with_next(&self, status: LimitStatus, window: &Window, cost: u64, now: u64) -> LimitStatus {
        let capacity = self.capacity(&status.limit(), window);
        let used = window.usage(now, self.broken == M::EstimateRoundsDown);
        if cost <= capacity.saturating_sub(used) || self.broken == M::NextAtOnce {
            return status;
        }
        if cost > capacity && self.broken != M::NextNeverSaysNever {
            return status.with_next_after(None);
        }
        let passes_at = window.passes_at(cost, capacity, self.broken);
        let wait = passes_at.saturating_sub(self.waits_from(window, now));
        let wait = Duration::from_millis(match self.broken {
            M::NextTooEarly => wait.saturating_sub(1),
            M::NextTooLate => wait + 1,
            _ if self.is(M::NextTooEarlyOf, window.algorithm) => wait.saturating_sub(1),
            _ => wait,
        });
        status.with_next_after(Some(match self.broken {
            M::NextAtReset => status.reset_after(),
            _ => wait,
        }))
    }

    fn write(&self, records: &mut Records, limits: &[Limit], limit: &Limit, window: &Window) {
        let mut window = window.clone();
        if self.broken == M::CountsIn32Bits {
            window.used = u64::from(window.used as u32);
        }
        if self.broken == M::ForgetsOtherLimits {
            records.retain(|tag, _| limits.iter().any(|limit| self.tag(limit) == *tag));
        }
        records.insert(self.tag(limit), window);
    }

    fn tag(&self, limit: &Limit) -> (u64, u64) {
        let period = limit.rate().period().as_millis() as u64;
        let algorithm = u64::from(limit.algorithm().tag()) << 40;
        match self.broken {
            M::TagsByNumber => (period, algorithm + u64::from(limit.rate().requests())),
            M::IgnoresPeriod => (0, algorithm),
            M::IgnoresAlgorithm => (period, 0),
            _ => (period, algorithm),
        }
    }

    fn capacity(&self, limit: &Limit, window: &Window) -> u64 {
        match self.broken {
            M::KeepsOldNumber => window.capacity,
            _ if self.above_capacity(limit) => window.capacity,
            M::IgnoresBurst => window.number,
            _ => limit.capacity().as_milli(),
        }
    }

    fn standing(&self, limit: &Limit, window: &Window, now: u64) -> LimitStatus {
        let used = window.usage(now, self.broken == M::EstimateRoundsDown);
        let mut remaining = self.capacity(limit, window).saturating_sub(used);
        if self.broken == M::RoundsRemaining {
            remaining = remaining.div_ceil(1_000) * 1_000;
        }
        let now = self.waits_from(window, now);
        let time = now.max(window.start);
        let mut reset_after = window.end().max(time).saturating_sub(now);
        if self.broken == M::ResetTooEarly || self.is(M::ResetTooEarlyOf, window.algorithm) {
            reset_after = reset_after.saturating_sub(1);
        }
        LimitStatus::allowed(
            *limit,
            Cost::milli(remaining),
            Duration::from_millis(reset_after),
        )
    }
}

#[async_trait]
impl Inspect for Mutant {
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
        let subjects = lock(&self.shared.subjects);
        let records = subjects.get(&self.name(&key));
        Ok(records.map(|records| format!("{records:?}").into_bytes()))
    }
}

/// A [`Mutant`] that tells how long it stores a subject, as one with a server would.
struct Mortal(Mutant);

#[async_trait]
impl Inspect for Mortal {
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
        self.0.state(key).await
    }

    async fn lifetime(&self, key: Key<'_>) -> Result<Option<Lifetime>, FixtureError> {
        let now = self.0.clock.now().as_millis();
        let subjects = lock(&self.0.shared.subjects);
        let windows = subjects.get(&self.0.name(&key)).unwrap().values();
        let grace = |window: &Window| match self.0.broken {
            M::DiesTooSoon => 0,
            _ => window.period.min(60_000),
        };
        let lives = windows.map(|window| window.end() + grace(window) - now);
        let millis = lives.max().unwrap();
        Ok(Some(match self.0.broken {
            M::LivesForEver => Lifetime::Endless,
            _ => Lifetime::For(Duration::from_millis(millis)),
        }))
    }
}

/// Creates mutants.
pub(crate) struct Mutants {
    pub(crate) broken: Mutation,
    /// Whether they tell how long they store a subject.
    pub(crate) mortal: bool,
}

#[async_trait]
impl StoreFactory for Mutants {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let clock = ManualClock::default();
        let store = Mutant {
            broken: self.broken,
            shared: Arc::default(),
            clock: clock.clone(),
        };
        let mut other = store.clone();
        if self.broken == M::InstancesApart {
            other.shared = Arc::default();
        }
        let fixture = Fixture::new(store.clone())
            .with_instance(other)
            .with_clock(clock);
        Ok(if self.mortal {
            fixture.with_inspector(Mortal(store))
        } else {
            fixture.with_inspector(store)
        })
    }
}

/// What a status says, of another limit.
fn named(status: &LimitStatus, limit: Limit) -> LimitStatus {
    let (remaining, reset_after) = (status.remaining_cost(), status.reset_after());
    match status.is_allowed() {
        true => {
            LimitStatus::allowed(limit, remaining, reset_after).with_next_after(status.next_after())
        }
        false => LimitStatus::denied(limit, remaining, reset_after, status.retry_after()),
    }
}
