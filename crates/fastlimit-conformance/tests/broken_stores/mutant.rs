//! A small store of its own arithmetic that can be broken in one way at a time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastlimit_conformance::{Fixture, FixtureError, Inspect, Lifetime, StoreFactory, async_trait};
use fastlimit_core::{
    Clock, Cost, Key, Limit, ManualClock, Operation, Outcome, Reply, Request, Store, Timestamp,
    Verdict,
};

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
    ReversesVerdicts,
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
}

use Mutation as M;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    start: u64,
    used: u64,
    /// For stores that keep the number that they saw first, and for what must be dropped.
    capacity: u64,
    period: u64,
}

type Records = BTreeMap<(u64, u64), Window>;

#[derive(Debug, Default)]
struct Shared {
    subjects: Mutex<HashMap<String, Records>>,
    replies: Mutex<VecDeque<Outcome>>,
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
        let name = self.name(&request.key());
        match self.broken {
            M::ReadsThenWrites => {
                let request = request.to_owned();
                Reply::pending(async move {
                    let mut records = lock(&self.shared.subjects)
                        .get(&name)
                        .cloned()
                        .unwrap_or_default();
                    tokio::task::yield_now().await;
                    let outcome = self.decide(&mut records, &request.as_request());
                    lock(&self.shared.subjects).insert(name, records);
                    Ok(outcome)
                })
            }
            M::SwapsReplies => {
                let outcome = self.locked(&name, request);
                Reply::pending(async move {
                    lock(&self.shared.replies).push_back(outcome);
                    tokio::task::yield_now().await;
                    Ok(lock(&self.shared.replies).pop_front().unwrap())
                })
            }
            _ => Reply::ready(Ok(self.locked(&name, request))),
        }
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

    fn locked(&self, name: &str, request: &Request<'_>) -> Outcome {
        let now = self.clock.now().as_millis();
        let mut subjects = lock(&self.shared.subjects);
        if !matches!(self.broken, M::NeverDrops | M::NeverResets) {
            for records in subjects.values_mut() {
                records.retain(|_, window| {
                    let end = window.start + window.period;
                    match self.broken {
                        M::DropsWithoutGrace => end > now,
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
        let outcome = self.decide(&mut records, request);
        let keeps_empty = match self.broken {
            M::PeekCreates => matches!(request.operation(), Operation::Peek(_)),
            M::ResetLeavesKey => request.operation() == Operation::Reset,
            _ => false,
        };
        if records.is_empty() && !keeps_empty {
            subjects.remove(name);
        } else {
            if keeps_empty && records.is_empty() {
                records.insert(
                    (1, 1),
                    Window {
                        start: now,
                        used: 0,
                        capacity: 0,
                        period: 1,
                    },
                );
            }
            subjects.insert(name.to_owned(), records);
        }
        outcome
    }

    fn decide(&self, records: &mut Records, request: &Request<'_>) -> Outcome {
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
        let mut verdicts: Vec<Verdict> = match request.operation() {
            Operation::Check(cost) => self.check(records, &limits, &windows, cost, now, true),
            Operation::Peek(cost) => {
                let writes = self.broken == M::PeekTakes;
                self.check(records, &limits, &windows, cost, now, writes)
            }
            Operation::Charge(cost) => {
                self.update(records, &limits, &windows, now, |window, limit| {
                    let most = match self.broken {
                        M::ChargeStopsAtCapacity => limit.capacity().as_milli(),
                        M::ChargeDoesNotSaturate => u64::MAX,
                        _ => 1 << 41,
                    };
                    window.used = (window.used + cost.as_milli()).min(most.max(window.used));
                })
            }
            Operation::Refund { cost, charged_at } => {
                self.update(records, &limits, &windows, now, |window, limit| {
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
            && verdicts[0].remaining() == Cost::ZERO
        {
            verdicts[0] = Verdict::denied(Cost::ZERO, verdicts[0].reset_after(), None);
        }
        if self.broken == M::ReversesVerdicts {
            verdicts.reverse();
        }
        while verdicts.len() < all {
            verdicts.push(verdicts[0]);
        }
        let reported = match self.broken {
            M::ReportsAnOldTime => now.saturating_sub(1),
            _ => now,
        };
        Outcome::new(
            Timestamp::from_millis(reported),
            Timestamp::from_millis(charged_at),
            verdicts,
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
    ) -> Vec<Verdict> {
        let mut cost = cost.as_milli();
        if self.broken == M::RoundsCostsUp {
            cost = cost.div_ceil(1_000) * 1_000;
        }
        let admits = |limit: &Limit, window: &Window| {
            let capacity = self.capacity(limit, window);
            if cost == 0 {
                return self.broken != M::DeniesZeroCosts || window.used <= capacity;
            }
            let free = match self.broken {
                M::LoweredUnderflows => capacity.wrapping_sub(window.used),
                _ => capacity.saturating_sub(window.used),
            };
            match self.broken {
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
        let verdicts = limits.iter().zip(windows).zip(&admitted);
        verdicts
            .map(|((limit, window), admits)| {
                let mut next = *window;
                let charges = match self.broken {
                    M::ChargesDenials => true,
                    M::ChargesSomeLimits => *admits,
                    _ => all,
                };
                if charges {
                    next.used += cost;
                } else if self.broken == M::DenialsForgive {
                    next.used = next.used.saturating_sub(1);
                }
                let dates = self.broken == M::DatesDenials && !all;
                if writes && (next != *window || dates) {
                    self.write(records, limits, limit, next);
                }
                let shown = if *admits && self.broken == M::ShowsDeniedAsCharged && !all {
                    Window {
                        used: window.used + cost,
                        ..*window
                    }
                } else {
                    next
                };
                let standing = self.standing(limit, &shown, now);
                if *admits {
                    return standing;
                }
                let wait = match self.broken {
                    M::RetryTooEarly => standing
                        .reset_after()
                        .saturating_sub(Duration::from_millis(1)),
                    M::RetryTooLate => standing.reset_after() + Duration::from_millis(1),
                    _ => standing.reset_after(),
                };
                let helps =
                    cost <= self.capacity(limit, window) || self.broken == M::NeverSaysNever;
                Verdict::denied(
                    standing.remaining(),
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
        now: u64,
        change: impl Fn(&mut Window, &Limit),
    ) -> Vec<Verdict> {
        let changed = limits.iter().zip(windows).map(|(limit, window)| {
            let mut next = *window;
            change(&mut next, limit);
            if next != *window {
                self.write(records, limits, limit, next);
            }
            self.standing(limit, &next, now)
        });
        changed.collect()
    }

    fn refund(&self, window: &mut Window, limit: &Limit, cost: u64, charged_at: u64) {
        let own = charged_at - charged_at % window.period == window.start;
        match self.broken {
            M::RefundIsLost => {}
            M::RefundFromAnyWindow => window.used = window.used.saturating_sub(cost),
            // More than the capacity remains: as much as one more request.
            M::RefundAboveCapacity if own && cost > window.used => {
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
        let stored = records.get(&self.tag(limit)).copied().filter(|stored| {
            stored.start <= now + period + 60_000 || self.broken == M::LockedOutByFuture
        });
        let mut start = now - now % period;
        if self.broken == M::WindowsFromFirstHit {
            start = stored.map_or(now, |stored| {
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
        let fresh = Window {
            start,
            used: 0,
            capacity: limit.capacity().as_milli(),
            period,
        };
        match stored {
            Some(stored) if self.broken == M::NeverResets => Window {
                start: stored.start.max(start),
                ..stored
            },
            Some(stored) if self.broken == M::FreshWhenClockStepsBack && stored.start > start => {
                fresh
            }
            Some(stored) if stored.start >= start => stored,
            Some(stored) if self.broken == M::DebtCarriesOver => Window {
                used: stored.used.saturating_sub(fresh.capacity),
                ..fresh
            },
            _ => fresh,
        }
    }

    fn write(&self, records: &mut Records, limits: &[Limit], limit: &Limit, mut window: Window) {
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
        match self.broken {
            M::TagsByNumber => (period, u64::from(limit.rate().requests())),
            M::IgnoresPeriod => (0, 0),
            _ => (period, 0),
        }
    }

    fn capacity(&self, limit: &Limit, window: &Window) -> u64 {
        match self.broken {
            M::KeepsOldNumber | M::RefundAboveCapacity => window.capacity,
            _ => limit.capacity().as_milli(),
        }
    }

    fn standing(&self, limit: &Limit, window: &Window, now: u64) -> Verdict {
        let mut remaining = self.capacity(limit, window).saturating_sub(window.used);
        if self.broken == M::RoundsRemaining {
            remaining = remaining.div_ceil(1_000) * 1_000;
        }
        let now = match self.broken {
            M::WaitsFromOwnTime => now.max(window.start),
            _ => now,
        };
        let mut reset_after = (window.start + window.period).saturating_sub(now);
        if self.broken == M::ResetTooEarly {
            reset_after = reset_after.saturating_sub(1);
        }
        Verdict::allowed(Cost::milli(remaining), Duration::from_millis(reset_after))
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
        let lives = windows.map(|window| window.start + window.period + grace(window) - now);
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
