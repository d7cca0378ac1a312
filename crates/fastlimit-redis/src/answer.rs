use std::time::Duration;

use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
use redis::{ServerError, Value};

/// How the script says that waiting never helps.
const NEVER: i64 = -1;

/// What the script answered to one item.
#[derive(Debug, PartialEq)]
pub(crate) enum ItemAnswer<'reply> {
    Outcome(Outcome),
    /// What is wrong with the value under the key.
    ForeignData(&'reply [u8]),
    /// Why the key could not be read or written.
    Refused(&'reply ServerError),
}

/// What the reply to an item hangs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// How many limits there are.
    pub(crate) limits: usize,
    /// The period of the first one, milliseconds.
    pub(crate) period: u64,
    /// When the first one resets, once it has allowed a request.
    pub(crate) resets: Resets,
}

/// When a limit resets that allowed a request at the present time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resets {
    /// A fixed window: when the aligned window ends that holds the time.
    WithTheWindow,
    /// A sliding window: one period later.
    WithTheNextWindow,
    /// A bucket: when the script says.
    AsAnswered,
}

/// Reads the reply to a batch whose items are these; `None` if it is none of the script's.
pub(crate) fn read(
    reply: &Value,
    asked: impl Iterator<Item = Asked>,
) -> Option<Vec<ItemAnswer<'_>>> {
    let Value::Array(values) = reply else {
        return None;
    };
    let (now, mut rest) = values.split_first()?;
    let now = time(number(now)?)?;
    let answers = asked
        .map(|asked| read_item(&mut rest, now, asked))
        .collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some(answers)
}

fn read_item<'reply>(
    rest: &mut &'reply [Value],
    now: Timestamp,
    asked: Asked,
) -> Option<ItemAnswer<'reply>> {
    let head = match take(rest)? {
        Value::BulkString(text) => return Some(ItemAnswer::ForeignData(text)),
        Value::ServerError(error) => return Some(ItemAnswer::Refused(error)),
        Value::Int(short @ ..0) => return short_answer(*short, rest, now, asked),
        head => number(head)?,
    };
    let (ahead, is_denied) = (head >> 1, head & 1 == 1);
    let charged_at = time(now.as_millis().checked_add(ahead)?)?;
    let mut is_read = true;
    let verdicts = (0..asked.limits).map_while(|_| {
        let verdict = verdict(rest, is_denied);
        is_read &= verdict.is_some();
        verdict
    });
    let outcome = Outcome::new(now, charged_at, verdicts);
    // What is denied is denied by one of them.
    (is_read && outcome.is_allowed() != is_denied).then_some(ItemAnswer::Outcome(outcome))
}

/// Reads what one limit says that allows a request at the present time: what remains, and when it
/// resets where that does not follow from the time.
fn short_answer<'reply>(
    short: i64,
    rest: &mut &'reply [Value],
    now: Timestamp,
    asked: Asked,
) -> Option<ItemAnswer<'reply>> {
    let remaining = (-1_i64).checked_sub(short).map(Value::Int);
    let remaining = milli(&remaining?)?;
    let until_window_ends = || {
        let elapsed = now.as_millis().checked_rem(asked.period)?;
        asked.period.checked_sub(elapsed)
    };
    let reset_after = match asked.resets {
        Resets::WithTheWindow => Duration::from_millis(until_window_ends()?),
        Resets::WithTheNextWindow => {
            Duration::from_millis(until_window_ends()?.checked_add(asked.period)?)
        }
        Resets::AsAnswered => duration(take(rest)?)?,
    };
    let verdict = Verdict::allowed(remaining, reset_after);
    (asked.limits == 1).then(|| ItemAnswer::Outcome(Outcome::new(now, now, [verdict])))
}

fn verdict(rest: &mut &[Value], is_denied: bool) -> Option<Verdict> {
    let remaining = milli(take(rest)?)?;
    let reset_after = duration(take(rest)?)?;
    if !is_denied {
        return Some(Verdict::allowed(remaining, reset_after));
    }
    Some(match take(rest)? {
        Value::Int(0) => Verdict::allowed(remaining, reset_after),
        Value::Int(NEVER) => Verdict::denied(remaining, reset_after, None),
        wait => Verdict::denied(remaining, reset_after, Some(duration(wait)?)),
    })
}

fn take<'reply>(rest: &mut &'reply [Value]) -> Option<&'reply Value> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(first)
}

fn milli(value: &Value) -> Option<Cost> {
    number(value)
        .filter(|milli| *milli <= Cost::MAX.as_milli())
        .map(Cost::milli)
}

fn time(millis: u64) -> Option<Timestamp> {
    (millis <= Timestamp::MAX.as_millis()).then(|| Timestamp::from_millis(millis))
}

fn duration(value: &Value) -> Option<Duration> {
    number(value).map(Duration::from_millis)
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redis::{ServerError, ServerErrorKind, parse_redis_value};

    use super::*;

    fn numbers(numbers: &[i64]) -> Value {
        Value::Array(numbers.iter().copied().map(Value::Int).collect())
    }

    /// Items with so many limits each, of ten milliseconds.
    fn asked(limits: &[usize]) -> impl Iterator<Item = Asked> {
        limits.iter().map(|&limits| Asked {
            limits,
            period: 10,
            resets: Resets::WithTheWindow,
        })
    }

    fn read_one(reply: &Value, limits: usize) -> Option<ItemAnswer<'_>> {
        let mut answers = read(reply, asked(&[limits]))?;
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
        items.extend([0, 9, 8, -10].map(Value::Int));
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
        ];
        assert_eq!(read(&values, asked(&[2, 3, 1, 4, 1, 1])), Some(expected));
        for limits in [
            vec![2, 3, 1, 4, 1],
            vec![2, 3, 1, 4, 1, 1, 1],
            vec![2, 3, 1, 4, 1, 2],
            vec![2, 2, 1, 4, 1, 1],
            vec![3, 3, 1, 4, 1, 1],
        ] {
            assert_eq!(read(&values, asked(&limits)), None, "{limits:?}");
        }
    }

    #[test]
    fn a_short_answer_resets_as_its_limit_does() {
        let asked = |resets| Asked {
            limits: 1,
            period: 10,
            resets,
        };
        // At 5 of 10 ms, 9 of each remain; only a bucket says when it resets.
        let values = numbers(&[5, -10, -10, 77, -10]);
        let kinds = [
            Resets::WithTheNextWindow,
            Resets::AsAnswered,
            Resets::WithTheWindow,
        ];
        let now = Timestamp::from_millis(5);
        let expected = [15, 77, 5].map(|reset_after| {
            let reset_after = Duration::from_millis(reset_after);
            let verdict = Verdict::allowed(Cost::milli(9), reset_after);
            ItemAnswer::Outcome(Outcome::new(now, now, [verdict]))
        });
        assert_eq!(
            read(&values, kinds.into_iter().map(asked)),
            Some(Vec::from(expected))
        );
        for values in [&[5, -10][..], &[5, -10, -1], &[5, -10, 77, 0]] {
            let asked = [asked(Resets::AsAnswered)].into_iter();
            assert_eq!(read(&numbers(values), asked), None, "{values:?}");
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

    proptest! {
        #[test]
        fn no_reply_panics(reply in value(), limits in prop::collection::vec(0_usize..4, 0..4)) {
            if let Some(answers) = read(&reply, asked(&limits)) {
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
