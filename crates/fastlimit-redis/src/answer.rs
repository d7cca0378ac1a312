use std::time::Duration;

use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
use redis::{ServerError, Value};

use crate::pieces::{Piece, Pieces};
use crate::shape::Shape;

/// How the script says that waiting never helps.
const NEVER: i64 = -1;

/// What the script adds to what remains in a bucket that misses whole milli; more than can remain.
const WHOLE: i64 = 1 << 42;

/// What the script answered to one item.
#[derive(Debug, PartialEq)]
pub(crate) enum ItemAnswer<'reply> {
    Outcome(Outcome),
    /// What is wrong with the value under the key.
    ForeignData(&'reply [u8]),
    /// Why the key could not be read or written.
    Refused(&'reply ServerError),
}

/// What the script adds to what remains in a fixed window that denies a request; more than that.
const DENIED: i64 = 1 << 43;

/// A limit that a reply hangs on, which leaves out what follows from the time and from this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Asked {
    /// Milliseconds.
    pub(crate) period: u64,
    /// What a bucket gets back in a period, milli.
    pub(crate) number: u64,
    /// The most at once, milli.
    pub(crate) capacity: u64,
    pub(crate) resets: Resets,
}

/// When a limit resets whose state is that of the present time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resets {
    /// A fixed window: when the aligned window ends that holds the time.
    WithTheWindow,
    /// A sliding window: one period later.
    WithTheNextWindow,
    /// A bucket: when what is missing has come back, which is known from what remains if it is whole
    /// milli. Otherwise the script says.
    WhenFull,
}

/// Reads the reply to a batch whose items have these shapes; `None` if it is none of the script's.
pub(crate) fn read<'reply, 'batch>(
    reply: &'reply Value,
    shapes: impl Iterator<Item = &'batch Shape>,
) -> Option<Vec<ItemAnswer<'reply>>> {
    let mut rest = Pieces::of(reply)?;
    let now = time(unsigned(rest.take_number()?)?)?;
    let answers = shapes
        .map(|shape| read_item(&mut rest, now, shape))
        .collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some(answers)
}

fn read_item<'reply>(
    rest: &mut Pieces<'reply>,
    now: Timestamp,
    shape: &Shape,
) -> Option<ItemAnswer<'reply>> {
    let head = match rest.take()? {
        Piece::Text(text) => return Some(ItemAnswer::ForeignData(text)),
        Piece::Error(error) => return Some(ItemAnswer::Refused(error)),
        Piece::Number(short @ ..0) => return short_answer(short, rest, now, shape),
        Piece::Number(head) => unsigned(head)?,
    };
    let (ahead, is_denied) = (head >> 1, head & 1 == 1);
    let charged_at = time(now.as_millis().checked_add(ahead)?)?;
    let mut is_read = true;
    let verdicts = (0..shape.asked().len()).map_while(|_| {
        let verdict = verdict(rest, is_denied);
        is_read &= verdict.is_some();
        verdict
    });
    let outcome = Outcome::new(now, charged_at, verdicts);
    // What is denied is denied by one of them.
    (is_read && outcome.is_allowed() != is_denied).then_some(ItemAnswer::Outcome(outcome))
}

/// Reads the answer that is told by a negative number: what remains of the first limit, and then of the
/// others. All of them allow the request in the state of the present time, or a lone fixed window denies
/// it. When a limit resets stands there only where that does not follow.
fn short_answer<'reply>(
    short: i64,
    rest: &mut Pieces<'reply>,
    now: Timestamp,
    shape: &Shape,
) -> Option<ItemAnswer<'reply>> {
    let first = (-1_i64).checked_sub(short)?;
    let mut asked = shape.asked();
    if first >= DENIED {
        let (Some(window), None) = (asked.next(), asked.next()) else {
            return None;
        };
        let remaining = first.checked_sub(DENIED)?;
        let verdict = denied_by_window(remaining, now, window, shape.cost())?;
        return Some(ItemAnswer::Outcome(Outcome::new(now, now, [verdict])));
    }
    let mut first = Some(first);
    let mut is_read = true;
    let verdicts = asked.map_while(|asked| {
        let remaining = first.take().or_else(|| rest.take_number());
        let verdict = remaining.and_then(|remaining| short_verdict(remaining, rest, now, asked));
        is_read &= verdict.is_some();
        verdict
    });
    let outcome = Outcome::new(now, now, verdicts);
    is_read.then_some(ItemAnswer::Outcome(outcome))
}

fn denied_by_window(remaining: i64, now: Timestamp, window: Asked, cost: u64) -> Option<Verdict> {
    if window.resets != Resets::WithTheWindow {
        return None;
    }
    let reset_after = Duration::from_millis(until_window_ends(now, window.period)?);
    let wait = (cost <= window.capacity).then_some(reset_after);
    Some(Verdict::denied(milli(remaining)?, reset_after, wait))
}

fn short_verdict(
    remaining: i64,
    rest: &mut Pieces<'_>,
    now: Timestamp,
    asked: Asked,
) -> Option<Verdict> {
    let until_window_ends = || until_window_ends(now, asked.period);
    let (remaining, reset_after) = match asked.resets {
        Resets::WithTheWindow => (remaining, Duration::from_millis(until_window_ends()?)),
        Resets::WithTheNextWindow => {
            let reset_after = until_window_ends()?.checked_add(asked.period)?;
            (remaining, Duration::from_millis(reset_after))
        }
        Resets::WhenFull if remaining >= WHOLE => {
            let remaining = remaining.checked_sub(WHOLE)?;
            let missing = asked.capacity.checked_sub(unsigned(remaining)?)?;
            (remaining, time_to_fill(missing, asked)?)
        }
        Resets::WhenFull => (remaining, duration(rest.take_number()?)?),
    };
    Some(Verdict::allowed(milli(remaining)?, reset_after))
}

fn until_window_ends(now: Timestamp, period: u64) -> Option<u64> {
    period.checked_sub(now.as_millis().checked_rem(period)?)
}

/// How long until so many milli have come back, rounded up.
fn time_to_fill(missing: u64, bucket: Asked) -> Option<Duration> {
    let product = u128::from(missing).checked_mul(u128::from(bucket.period))?;
    let number = u128::from(bucket.number);
    let time = product
        .checked_add(number.checked_sub(1)?)?
        .checked_div(number)?;
    Some(Duration::from_millis(u64::try_from(time).ok()?))
}

fn verdict(rest: &mut Pieces<'_>, is_denied: bool) -> Option<Verdict> {
    let remaining = milli(rest.take_number()?)?;
    let reset_after = duration(rest.take_number()?)?;
    if !is_denied {
        return Some(Verdict::allowed(remaining, reset_after));
    }
    Some(match rest.take_number()? {
        0 => Verdict::allowed(remaining, reset_after),
        NEVER => Verdict::denied(remaining, reset_after, None),
        wait => Verdict::denied(remaining, reset_after, Some(duration(wait)?)),
    })
}

fn milli(number: i64) -> Option<Cost> {
    unsigned(number)
        .filter(|milli| *milli <= Cost::MAX.as_milli())
        .map(Cost::milli)
}

fn time(millis: u64) -> Option<Timestamp> {
    (millis <= Timestamp::MAX.as_millis()).then(|| Timestamp::from_millis(millis))
}

fn duration(number: i64) -> Option<Duration> {
    unsigned(number).map(Duration::from_millis)
}

fn unsigned(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use fastlimit_core::Algorithm;
    use proptest::prelude::*;
    use redis::{ServerError, ServerErrorKind, parse_redis_value};

    use super::*;

    fn numbers(numbers: &[i64]) -> Value {
        Value::Array(numbers.iter().copied().map(Value::Int).collect())
    }

    /// Shapes with so many fixed windows each, of ten milliseconds.
    fn shapes(limits: &[usize]) -> Vec<Shape> {
        let of = |&count| Shape::of(&vec![(Algorithm::FixedWindow, 10); count]);
        limits.iter().map(of).collect()
    }

    fn read_one(reply: &Value, limits: usize) -> Option<ItemAnswer<'_>> {
        let mut answers = read(reply, shapes(&[limits]).iter())?;
        assert_eq!(answers.len(), 1);
        answers.pop()
    }

    #[test]
    fn a_reply_is_read_item_by_item() {
        let error = server_error();
        let text = b"a value".to_vec();
        let mut values = numbers(&[
            5, 4, 1_000, 30, 900, 40, 1, 500, 40, 20, 0, 60, -1, 700, 80, 0,
        ]);
        let Value::Array(items) = &mut values else {
            unreachable!()
        };
        items.push(Value::BulkString(text.clone()));
        items.push(Value::ServerError(error.clone()));
        items.extend([0, 9, 8, -10, -10, 6].map(Value::Int));
        let [now, later] = [5, 7].map(Timestamp::from_millis);
        let millis = Duration::from_millis;
        let two = [
            Verdict::allowed(Cost::ONE, millis(30)),
            Verdict::allowed(Cost::milli(900), millis(40)),
        ];
        let three = [
            Verdict::denied(Cost::milli(500), millis(40), Some(millis(20))),
            Verdict::denied(Cost::ZERO, millis(60), None),
            Verdict::allowed(Cost::milli(700), millis(80)),
        ];
        let expected = vec![
            ItemAnswer::Outcome(Outcome::new(now, later, two)),
            ItemAnswer::Outcome(Outcome::new(now, now, three)),
            ItemAnswer::ForeignData(&text),
            ItemAnswer::Refused(&error),
            ItemAnswer::Outcome(Outcome::new(
                now,
                now,
                [Verdict::allowed(Cost::milli(9), millis(8))],
            )),
            ItemAnswer::Outcome(Outcome::new(
                now,
                now,
                [Verdict::allowed(Cost::milli(9), millis(5))],
            )),
            ItemAnswer::Outcome(Outcome::new(
                now,
                now,
                [9, 6].map(|remaining| Verdict::allowed(Cost::milli(remaining), millis(5))),
            )),
        ];
        assert_eq!(
            read(&values, shapes(&[2, 3, 1, 4, 1, 1, 2]).iter()),
            Some(expected)
        );
        for limits in [
            vec![2, 3, 1, 4, 1, 1],
            vec![2, 3, 1, 4, 1, 1, 2, 1],
            vec![2, 3, 1, 4, 1, 1, 1],
            vec![2, 3, 1, 4, 1, 1, 3],
            vec![2, 3, 1, 4, 1, 2, 2],
            vec![2, 2, 1, 4, 1, 1, 2],
            vec![3, 3, 1, 4, 1, 1, 2],
        ] {
            assert_eq!(read(&values, shapes(&limits).iter()), None, "{limits:?}");
        }
    }

    #[test]
    fn a_short_answer_resets_as_its_limits_do() {
        use Algorithm::{FixedWindow, SlidingWindow, TokenBucket};
        let shapes = [
            vec![(SlidingWindow, 10)],
            vec![(TokenBucket, 10)],
            vec![(FixedWindow, 10)],
            vec![(TokenBucket, 10), (FixedWindow, 20), (SlidingWindow, 10)],
        ]
        .map(|limits| Shape::of(&limits));
        // At 5 of 10 ms and of 20; only a bucket says when it resets.
        let values = numbers(&[5, -10, -10, 77, -10, -1, 78, 9, 8]);
        let now = Timestamp::from_millis(5);
        let expected = [
            vec![(9, 15)],
            vec![(9, 77)],
            vec![(9, 5)],
            vec![(0, 78), (9, 15), (8, 15)],
        ]
        .map(|verdicts| {
            let verdicts = verdicts.into_iter().map(|(remaining, reset_after)| {
                Verdict::allowed(Cost::milli(remaining), Duration::from_millis(reset_after))
            });
            ItemAnswer::Outcome(Outcome::new(now, now, verdicts))
        });
        assert_eq!(read(&values, shapes.iter()), Some(Vec::from(expected)));
        let bucket = Shape::of(&[(TokenBucket, 10)]);
        for values in [&[5, -10][..], &[5, -10, -1], &[5, -10, 77, 0]] {
            let reply = numbers(values);
            let answers = read(&reply, std::iter::once(&bucket));
            assert_eq!(answers, None, "{values:?}");
        }
    }

    #[test]
    fn a_bucket_that_misses_whole_milli_resets_when_they_have_come_back() {
        // It holds 5, and 3 come back in 10 ms.
        let bucket = Shape::of(&[(Algorithm::TokenBucket, 10)]);
        let now = Timestamp::from_millis(1_000);
        for (remaining, reset_after) in [(5, 0), (4, 4), (3, 7), (2, 10), (0, 17)] {
            let reply = numbers(&[1_000, -1 - remaining - WHOLE]);
            let answers = read(&reply, std::iter::once(&bucket)).unwrap();
            let verdict = Verdict::allowed(
                milli(remaining).unwrap(),
                Duration::from_millis(reset_after),
            );
            let outcome = Outcome::new(now, now, [verdict]);
            assert_eq!(answers, [ItemAnswer::Outcome(outcome)]);
        }
        for values in [&[1_000, -1 - 6 - WHOLE][..], &[1_000, -1 - 4 - WHOLE, 4]] {
            let reply = numbers(values);
            let answers = read(&reply, std::iter::once(&bucket));
            assert_eq!(answers, None, "{values:?}");
        }
    }

    #[test]
    fn a_denial_by_a_lone_window_follows_from_what_remains() {
        use Algorithm::{FixedWindow, SlidingWindow, TokenBucket};
        let now = Timestamp::from_millis(1_007);
        let reply = numbers(&[1_007, -1 - 2 - DENIED]);
        let millis = Duration::from_millis;
        let of = |cost| Shape::of(&[(FixedWindow, 10)]).costing(cost);
        for (cost, wait) in [(3, Some(millis(3))), (5, Some(millis(3))), (6, None)] {
            let shape = of(cost);
            let answers = read(&reply, std::iter::once(&shape)).unwrap();
            let verdict = Verdict::denied(Cost::milli(2), millis(3), wait);
            let outcome = Outcome::new(now, now, [verdict]);
            assert_eq!(answers, [ItemAnswer::Outcome(outcome)], "{cost}");
        }
        for limits in [
            &[][..],
            &[(SlidingWindow, 10)],
            &[(TokenBucket, 10)],
            &[(FixedWindow, 10), (FixedWindow, 20)],
        ] {
            let shape = Shape::of(limits).costing(3);
            assert_eq!(read(&reply, std::iter::once(&shape)), None, "{limits:?}");
        }
    }

    #[test]
    fn a_reply_of_another_shape_is_none() {
        let past_the_end = (1 << 52) + 1;
        for reply in [
            numbers(&[]),
            numbers(&[5]),
            numbers(&[5, 0]),
            numbers(&[5, 0, 1]),
            numbers(&[5, 1, 1, 2]),
            numbers(&[5, 0, 1, 2, 0]),
            numbers(&[5, 1, 1, 2, 0, 9]),
            // Denied, but not by any limit.
            numbers(&[5, 1, 1, 2, 0]),
            numbers(&[-5, 0, 1, 2]),
            numbers(&[5, -1, 1, 2]),
            numbers(&[5, -2 - (1 << 41)]),
            numbers(&[5, -2 - (1 << 41) - DENIED]),
            numbers(&[5, -DENIED]),
            numbers(&[5, i64::MIN]),
            numbers(&[5, 0, -1, 2]),
            numbers(&[5, 0, 1, -2]),
            numbers(&[5, 1, 1, 2, -2]),
            numbers(&[i64::MIN, 0, 1, 2]),
            numbers(&[5, i64::MAX, 1, 2]),
            numbers(&[past_the_end, 0, 1, 2]),
            numbers(&[past_the_end - 1, 2, 1, 2]),
            numbers(&[5, 0, (1 << 41) + 1, 2]),
            Value::Array(vec![Value::Nil; 4]),
            Value::BulkString(b"a value".to_vec()),
            Value::Nil,
            Value::Okay,
            Value::Int(5),
            Value::SimpleString("OK".to_owned()),
        ] {
            assert_eq!(read_one(&reply, 1), None, "{reply:?}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            Just(Value::Okay),
            any::<i64>().prop_map(Value::Int),
            (-2_i64..9).prop_map(Value::Int),
            any::<f64>().prop_map(Value::Double),
            any::<bool>().prop_map(Value::Boolean),
            any::<Vec<u8>>().prop_map(Value::BulkString),
            any::<String>().prop_map(Value::SimpleString),
            any::<Vec<u8>>().prop_map(Value::BigNumber),
            Just(Value::ServerError(server_error())),
        ];
        leaf.prop_recursive(2, 32, 12, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..12).prop_map(Value::Array),
                prop::collection::vec(inner.clone(), 0..12).prop_map(Value::Set),
                prop::collection::vec((inner.clone(), inner), 0..4).prop_map(Value::Map),
            ]
        })
    }

    fn server_error() -> ServerError {
        let reply = parse_redis_value(b"-ERR no\r\n").unwrap();
        let Value::ServerError(error) = reply else {
            unreachable!()
        };
        assert_eq!(error.kind(), Some(ServerErrorKind::ResponseError));
        error
    }

    /// The same numbers as one text.
    fn packed(numbers: &[i64]) -> Value {
        let bytes = numbers.iter().flat_map(|number| number.to_be_bytes());
        Value::BulkString(bytes.collect())
    }

    #[test]
    fn a_text_that_is_no_row_of_numbers_is_none() {
        let Value::BulkString(mut bytes) = packed(&[5, 0, 1, 2]) else {
            unreachable!()
        };
        assert!(read_one(&Value::BulkString(bytes.clone()), 1).is_some());
        bytes.push(0);
        assert_eq!(read_one(&Value::BulkString(bytes.clone()), 1), None);
        bytes.truncate(31);
        assert_eq!(read_one(&Value::BulkString(bytes), 1), None);
    }

    proptest! {
        #[test]
        fn numbers_are_read_alike_however_they_come(
            items in prop::collection::vec(prop_oneof![-30_i64..20, any::<i64>()], 0..12),
            limits in prop::collection::vec(0_usize..4, 0..4),
        ) {
            let shapes = shapes(&limits);
            let (row, text) = (numbers(&items), packed(&items));
            prop_assert_eq!(read(&row, shapes.iter()), read(&text, shapes.iter()));
        }

        #[test]
        fn no_reply_panics(reply in value(), limits in prop::collection::vec(0_usize..4, 0..4)) {
            if let Some(answers) = read(&reply, shapes(&limits).iter()) {
                prop_assert_eq!(answers.len(), limits.len());
                for (answer, limits) in answers.iter().zip(limits) {
                    if let ItemAnswer::Outcome(outcome) = answer {
                        prop_assert_eq!(outcome.verdicts().len(), limits);
                    }
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>(), limits in 0_usize..4) {
            if let Ok(reply) = parse_redis_value(&bytes) {
                let _ = read_one(&reply, limits);
            }
        }

        #[test]
        fn numbers_are_taken_or_refused(items in prop::collection::vec(-3_i64..20, 0..12)) {
            let limits = items.len().saturating_sub(2) / 2;
            let _ = read_one(&numbers(&items), limits);
        }
    }
}
