//! Any history has the answers of the reference model, field for field; a wait is minimal and
//! sufficient; and an entry survives being written and read.

#![no_main]

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use fastlimit_conformance::model::Model;
use fastlimit_core::store::format::MOST_LOG_ENTRIES;
use fastlimit_core::store::{Entry, Operation};
use fastlimit_core::{Algorithm, Cost, Limit, Policy, Rate, Timestamp};
use libfuzzer_sys::fuzz_target;

const LONGEST_PERIOD: u64 = 366 * 86_400_000;
const LONGEST_GRACE: u64 = 60_000;

/// The limits of a history, and its requests.
#[derive(Debug)]
struct History {
    limits: Vec<Limit>,
    start: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
struct Step {
    time: Time,
    /// Which of the limits are asked, a bit each; all of them if none is.
    limits: u8,
    operation: Op,
}

#[derive(Debug, Arbitrary)]
enum Time {
    Stand,
    Forward(u16),
    FarForward(u64),
    /// To the end of the window of a limit, and so much more or less.
    Edge(u8, i8),
    /// From the latest time, by no more than the grace.
    Back(u16),
}

#[derive(Debug, Arbitrary)]
enum Op {
    Check(Amount),
    Peek(Amount),
    Charge(Amount),
    Refund(Amount, bool),
    Reset,
}

#[derive(Debug, Arbitrary)]
enum Amount {
    Milli(u64),
    Requests(u8),
    /// In 128ths of the first limit's capacity, and so many milli more.
    Part(u8, u8),
}

impl<'a> Arbitrary<'a> for History {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let mut limits: Vec<Limit> = Vec::new();
        for _ in 0..input.int_in_range(1..=4)? {
            let limit = any_limit(input)?;
            let shares = |other: &Limit| {
                other.algorithm() == limit.algorithm()
                    && other.rate().period() == limit.rate().period()
            };
            if !limits.iter().any(shares) {
                limits.push(limit);
            }
        }
        let start = input.int_in_range(0..=Timestamp::MAX.as_millis())?;
        let mut steps = Vec::new();
        // Seldom, since it takes as long as a hundred others.
        if limits.iter().any(fills_up) && input.ratio(1, 100)? {
            steps.extend((0..MOST_LOG_ENTRIES).map(|_| Step {
                time: Time::Forward(1),
                limits: 0,
                operation: Op::Charge(Amount::Milli(1)),
            }));
        }
        steps.extend(Vec::<Step>::arbitrary(input)?);
        Ok(Self {
            limits,
            start,
            steps,
        })
    }
}

/// Tells whether a charge in each millisecond makes the oldest entries of a log one. The model takes
/// the longer for it the longer the period is.
fn fills_up(limit: &Limit) -> bool {
    limit.algorithm() == Algorithm::SlidingLog
        && (MOST_LOG_ENTRIES as u128 + 1..=60_000).contains(&limit.rate().period().as_millis())
}

fn any_limit(input: &mut Unstructured<'_>) -> Result<Limit> {
    let requests = match input.int_in_range(0..=3)? {
        0 => input.int_in_range(0..=9)?,
        1 => Rate::MAX_REQUESTS,
        _ => input.int_in_range(0..=Rate::MAX_REQUESTS)?,
    };
    let period = match input.int_in_range(0..=3)? {
        0 => input.int_in_range(1..=20)?,
        1 => *input.choose(&[1, 1_000, 60_000, 3_600_000, 86_400_000, LONGEST_PERIOD])?,
        _ => input.int_in_range(1..=LONGEST_PERIOD)?,
    };
    let rate = |requests| Rate::new(requests, Duration::from_millis(period)).expect("in the domain");
    let algorithm = *input.choose(Algorithm::ALL)?;
    let with_a_burst = algorithm == Algorithm::TokenBucket && bool::arbitrary(input)?;
    let limit = if with_a_burst {
        let burst = input.int_in_range(1..=Limit::MAX_BURST)?;
        Limit::token_bucket(rate(requests), burst)
    } else {
        Limit::new(rate(requests), algorithm)
    };
    // A burst that would drain for too long, or a log that is too large.
    Ok(limit.unwrap_or_else(|_| {
        let requests = requests.min(Limit::MAX_LOG_REQUESTS);
        Limit::new(rate(requests), algorithm).expect("any algorithm has so many")
    }))
}

impl Amount {
    fn cost(&self, limit: &Limit) -> Cost {
        match *self {
            Self::Milli(milli) => Cost::milli(milli),
            Self::Requests(requests) => Cost::requests(requests.into()),
            Self::Part(part, more) => {
                let capacity = limit.capacity().as_milli();
                Cost::milli(capacity * u64::from(part) / 128 + u64::from(more))
            }
        }
    }
}

fuzz_target!(|history: History| {
    let mut entry = Entry::new();
    let mut model = Model::new();
    let (mut now, mut latest) = (history.start, history.start);
    let mut charged_at = history.start;
    let period = |limit: &Limit| u64::try_from(limit.rate().period().as_millis()).unwrap_or(1);
    let shortest = history.limits.iter().map(period).min().unwrap_or(1);
    let grace = shortest.min(LONGEST_GRACE);

    for step in &history.steps {
        now = match step.time {
            Time::Stand => now,
            Time::Forward(by) => now.saturating_add(by.into()),
            Time::FarForward(by) => now.saturating_add(by % (1 << 44)),
            Time::Edge(limit, by) => {
                let period = period(&history.limits[usize::from(limit) % history.limits.len()]);
                let edge = now - now % period + period;
                edge.saturating_add_signed(by.into()).max(latest.saturating_sub(grace))
            }
            Time::Back(by) => latest.saturating_sub(u64::from(by) % (grace + 1)),
        }
        .min(Timestamp::MAX.as_millis());
        latest = latest.max(now);

        let asked: Vec<Limit> = (0..history.limits.len())
            .filter(|place| step.limits & (1 << place) != 0)
            .map(|place| history.limits[place])
            .collect();
        let asked = if asked.is_empty() { history.limits.clone() } else { asked };
        let policy = Policy::new("fuzz", asked).expect("limits that share no state");
        let limits = policy.limits();
        let operation = match &step.operation {
            Op::Check(amount) => Operation::Check(amount.cost(&limits[0])),
            Op::Peek(amount) => Operation::Peek(amount.cost(&limits[0])),
            Op::Charge(amount) => Operation::Charge(amount.cost(&limits[0])),
            Op::Refund(amount, from_the_last) => Operation::Refund {
                cost: amount.cost(&limits[0]),
                charged_at: Timestamp::from_millis(if *from_the_last { charged_at } else { now }),
            },
            Op::Reset => Operation::Reset,
        };

        let time = Timestamp::from_millis(now);
        let decision = entry.apply(limits, operation, time).decision;
        let answer = model.apply(limits, operation, time).expect("a known algorithm");
        if let Some(difference) = answer.difference(&decision) {
            panic!("{operation:?} at {now} under {policy}: {difference:?}");
        }
        charged_at = decision.charged_at().as_millis();

        if let (Operation::Check(cost), Some(wait)) = (operation, decision.retry_after()) {
            let passes = |after: Duration| {
                let later = time.saturating_add(after);
                let peek = Operation::Peek(cost);
                entry.clone().apply(limits, peek, later).decision.is_allowed()
            };
            if time.saturating_add(wait).saturating_duration_since(time) == wait {
                assert!(passes(wait), "not sufficient: {wait:?} at {now} under {policy}");
                let less = wait - Duration::from_millis(1);
                assert!(!passes(less), "not minimal: {wait:?} at {now} under {policy}");
            }
        }

        let mut bytes = Vec::new();
        entry.write_to(&mut bytes);
        assert_eq!(Entry::from_bytes(&bytes).as_ref(), Ok(&entry));
    }
});
