use crate::algorithm::{
    FixedWindow, Model, Packed, Period, SlidingLog, SlidingWindow, Standing, TokenBucket,
    list_algorithms,
};
use crate::store::format::{LATEST_DATE_AHEAD, LONGEST_GRACE};
use crate::{Algorithm, Limit, Rate};

/// The state of one limit of a subject, known by algorithm and period: a changed number keeps it.
/// The algorithm is in the type.
///
/// Without padding, so that a record of any algorithm takes 40 bytes.
#[derive(Clone, Debug)]
pub(super) struct TypedRecord<M: Model> {
    /// The number and the burst under which the record was last looked at. They are not a part of
    /// the state, and 0 as long as no request brought them.
    requests: Packed<4>,
    burst: Packed<4>,
    period: Period,
    state: M::Kept,
}

impl<M: Model> PartialEq for TypedRecord<M> {
    fn eq(&self, other: &Self) -> bool {
        self.period == other.period && self.state == other.state
    }
}

impl<M: Model> TypedRecord<M> {
    pub(super) fn new(state: M, period: u64) -> Self {
        Self {
            requests: Packed::new(0),
            burst: Packed::new(0),
            period: Period::new(period),
            state: state.keep(),
        }
    }

    #[inline]
    pub(super) fn set(&mut self, state: M) {
        self.state = state.keep();
    }

    /// Notes the limit under which the record was looked at.
    #[inline]
    pub(super) fn see(&mut self, limit: &Limit) {
        self.requests = Packed::new(limit.rate().requests().into());
        self.burst = Packed::new(limit.burst().unwrap_or(0).into());
    }

    #[inline]
    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        M::ALGORITHM == limit.algorithm() && self.period.get() == limit.rate().period_millis()
    }

    /// The state, unless it is dated so late that the clock which dated it was wrong.
    #[inline]
    pub(super) fn state_at(&self, now: u64) -> Option<M> {
        self.has_date_by(now).then(|| M::recall(&self.state))
    }

    #[inline]
    fn has_date_by(&self, now: u64) -> bool {
        let latest = now.saturating_add(self.period.get());
        M::look(&self.state, M::date) <= latest.saturating_add(LATEST_DATE_AHEAD)
    }

    /// Until when to keep it: a grace longer than it takes to be as good as absent.
    fn expires_at(&self) -> u64 {
        let period = self.period.get();
        let dead_at = M::look(&self.state, |state| state.dead_at(period));
        dead_at.saturating_add(period.min(LONGEST_GRACE))
    }

    /// The limit under which the record was last looked at.
    fn limit(&self) -> Limit {
        let number = |packed: Packed<4>| u32::try_from(packed.get()).unwrap_or(u32::MAX);
        let rate = Rate::of_valid(number(self.requests), self.period.get());
        Limit::of_valid(rate, M::ALGORITHM, number(self.burst))
    }

    /// What remains of that limit, and of how much; milli.
    fn remaining(&self, now: u64) -> (u64, u64) {
        let limit = self.limit();
        let standing = Standing::new(self.state_at(now), &limit, now);
        (standing.remaining(), standing.capacity())
    }

    fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.push(M::TAG);
        self.period.write_to(buffer);
        M::look(&self.state, |state| state.encode(buffer));
    }
}

/// A [`Model`] of which there are records.
pub(super) trait InRecord: Model {
    /// The record in its own type, if it is of this algorithm.
    fn of(record: &Record) -> Option<&TypedRecord<Self>>;

    fn into_record(typed: TypedRecord<Self>) -> Record;
}

macro_rules! define_record {
    ($dollar:tt $($name:ident),+) => {
        /// A record of any algorithm.
        #[derive(Clone, Debug, PartialEq)]
        pub(super) enum Record {
            $($name(TypedRecord<$name>),)+
        }

        $(impl InRecord for $name {
            fn of(record: &Record) -> Option<&TypedRecord<Self>> {
                if let Record::$name(typed) = record { Some(typed) } else { None }
            }

            fn into_record(typed: TypedRecord<Self>) -> Record {
                Record::$name(typed)
            }
        })+

        /// Does something with a record in its own type, whatever its algorithm.
        macro_rules! with_typed {
            ($dollar record:expr, $dollar typed:ident => $dollar done:expr) => {
                match $dollar record {
                    $($crate::entry::record::Record::$name($dollar typed) => $dollar done,)+
                }
            };
        }
        pub(super) use with_typed;

        /// Does something with the model of an algorithm.
        macro_rules! with_model {
            ($dollar algorithm:expr, $dollar model:ident => $dollar done:expr) => {
                match $dollar algorithm {
                    $($crate::Algorithm::$name => {
                        type $dollar model = $crate::algorithm::$name;
                        $dollar done
                    })+
                }
            };
        }
        pub(super) use with_model;
    };
}
list_algorithms!(define_record $);

impl Record {
    #[inline]
    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        with_typed!(self, typed => typed.is_of(limit))
    }

    pub(super) fn shares_state_with(&self, other: &Self) -> bool {
        other.is_of(&with_typed!(self, typed => typed.limit()))
    }

    pub(super) fn see(&mut self, limit: &Limit) {
        with_typed!(self, typed => typed.see(limit));
    }

    /// Tells whether the record is to be kept at `now`: not past its grace, nor of a wrong clock.
    pub(super) fn is_alive(&self, now: u64) -> bool {
        with_typed!(self, typed => typed.expires_at() > now && typed.has_date_by(now))
    }

    pub(super) fn expires_at(&self) -> u64 {
        with_typed!(self, typed => typed.expires_at())
    }

    /// What remains of the limit under which it was last looked at, and of how much; milli.
    pub(super) fn remaining(&self, now: u64) -> (u64, u64) {
        with_typed!(self, typed => typed.remaining(now))
    }

    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        with_typed!(self, typed => typed.encode(buffer));
    }

    /// Takes a record's bytes from the front; `None` if they are not those of one.
    pub(super) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (&tag, rest) = bytes.split_first()?;
        *bytes = rest;
        let period = Period::take(bytes)?.get();
        Rate::from_parts(0, period).ok()?;
        with_model!(Algorithm::from_tag(tag)?, M => {
            let state = M::decode(bytes, period)?;
            Some(M::into_record(TypedRecord::new(state, period)))
        })
    }
}

const _: () = assert!(
    size_of::<Record>() <= 40,
    "an entry of the memory store is that small"
);
