use super::Applied;
use crate::algorithm::fixed_window::FixedWindow;
use crate::algorithm::sliding_window::SlidingWindow;
use crate::algorithm::token_bucket::TokenBucket;
use crate::algorithm::{State, View, is_date_from_the_future};
use crate::{Algorithm, Cost, Limit, Rate};

/// The longest grace for which what is as good as absent is kept.
const LONGEST_GRACE: u64 = 60_000;

/// The state of one limit of a subject, known by algorithm and period: a changed number keeps
/// it.
///
/// In 40 bytes instead of the 64 of plain words; the bounds of the model make every field fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    algorithm: Algorithm,
    /// The number and the burst under which the record was last looked at. They are not a part
    /// of the state, and 0 as long as no request brought them.
    requests: u32,
    burst: u32,
    period: Packed<5>,
    date: Packed<7>,
    /// What is used: of a sliding window in the present one.
    used: Packed<6>,
    /// What was used in the window before, or the part of a bucket's level.
    rest: Packed<6>,
    /// From the date of a bucket until it is as good as absent under the limit that wrote it.
    /// Windows end when they end.
    drain: Packed<6>,
}

/// The last bytes of a number, which fits into them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Packed<BYTES> {
    fn new(number: u64) -> Self {
        let mut bytes = [0; BYTES];
        for (byte, of_number) in bytes.iter_mut().zip(number.to_le_bytes()) {
            *byte = of_number;
        }
        Self(bytes)
    }

    fn get(self) -> u64 {
        let mut bytes = [0; 8];
        for (byte, packed) in bytes.iter_mut().zip(self.0) {
            *byte = packed;
        }
        u64::from_le_bytes(bytes)
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm
            && self.period == other.period
            && self.date == other.date
            && self.used == other.used
            && self.rest == other.rest
            && self.drain == other.drain
    }
}

impl Eq for Record {}

impl Record {
    /// The record of a state that is as good as absent at `dead_at` under the limit.
    pub(super) fn new(limit: &Limit, state: State, dead_at: u64) -> Self {
        let (used, rest, drain) = match state {
            State::FixedWindow(window) => (window.used, 0, 0),
            State::SlidingWindow(window) => (window.current, window.previous, 0),
            State::TokenBucket(bucket) => {
                (bucket.whole, bucket.part, dead_at.saturating_sub(bucket.at))
            }
        };
        let mut record = Self {
            algorithm: limit.algorithm(),
            requests: 0,
            burst: 0,
            period: Packed::new(limit.rate().period_millis()),
            date: Packed::new(state.date()),
            used: Packed::new(used),
            rest: Packed::new(rest),
            drain: Packed::new(drain),
        };
        record.see(limit);
        record
    }

    /// Notes the limit under which the record was looked at.
    pub(super) fn see(&mut self, limit: &Limit) {
        self.requests = limit.rate().requests();
        self.burst = limit.burst().unwrap_or(0);
    }

    /// The limit under which the record was last looked at.
    pub(super) fn limit(&self) -> Limit {
        let rate = Rate::of_valid(self.requests, self.period());
        Limit::of_valid(rate, self.algorithm, self.burst)
    }

    pub(super) fn state(&self) -> State {
        let (date, used, rest) = (self.date.get(), self.used.get(), self.rest.get());
        match self.algorithm {
            Algorithm::FixedWindow => State::FixedWindow(FixedWindow { start: date, used }),
            Algorithm::SlidingWindow => State::SlidingWindow(SlidingWindow {
                start: date,
                current: used,
                previous: rest,
            }),
            Algorithm::TokenBucket => State::TokenBucket(TokenBucket {
                whole: used,
                part: rest,
                at: date,
            }),
        }
    }

    /// When the state is as good as absent, under the limit that wrote it; milliseconds.
    pub(super) fn dead_at(&self) -> u64 {
        match self.state() {
            State::FixedWindow(window) => window.end(&self.limit()),
            State::SlidingWindow(window) => window.end(&self.limit()),
            State::TokenBucket(bucket) => bucket.at.saturating_add(self.drain.get()),
        }
    }

    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        self.algorithm == limit.algorithm() && self.period() == limit.rate().period_millis()
    }

    pub(super) fn period(&self) -> u64 {
        self.period.get()
    }

    pub(super) fn is_from_the_future(&self, now: u64) -> bool {
        is_date_from_the_future(self.date.get(), self.period(), now)
    }

    pub(super) fn expires_at(&self) -> u64 {
        Self::kept_until(self.dead_at(), self.period())
    }

    /// Until when to keep what is as good as absent at `dead_at`.
    pub(super) fn kept_until(dead_at: u64, period: u64) -> u64 {
        dead_at.saturating_add(period.min(LONGEST_GRACE))
    }

    /// The state at `now`, under the limit under which it was last looked at.
    pub(super) fn view(&self, now: u64) -> View {
        self.view_under(&self.limit(), now)
    }

    fn view_under(&self, limit: &Limit, now: u64) -> View {
        let stored = (!self.is_from_the_future(now)).then(|| self.state());
        View::new(limit, stored, now)
    }

    /// Checks a request under a limit that this is the record of.
    pub(super) fn check(&mut self, limit: &Limit, cost: Cost, now: u64) -> Applied {
        let view = self.view_under(limit, now);
        let (verdict, changed) = match view.admit(cost) {
            Err(denied) => (denied, false),
            Ok(charged) => {
                let changed = charged != view;
                if changed {
                    *self = Self::new(limit, charged.state(), charged.dead_at());
                }
                (charged.standing(), changed)
            }
        };
        self.see(limit);
        Applied::new([verdict], now, view.time(), changed)
    }
}
