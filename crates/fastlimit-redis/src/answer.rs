use std::time::Duration;

use fastlimit_core::{Cost, Outcome, Timestamp, Verdict};
use redis::Value;

/// How the script says that waiting never helps.
const NEVER: i64 = -1;

/// What the script answered.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Outcome(Outcome),
    /// What is wrong with the value under the key.
    ForeignData(String),
}

impl Answer {
    /// Reads the reply for `limits` limits; `None` if it is none of the script's.
    pub(crate) fn read(reply: &Value, limits: usize) -> Option<Self> {
        let items = match reply {
            Value::Array(items) => items,
            Value::BulkString(text) => {
                let text = String::from_utf8_lossy(text).into_owned();
                return Some(Self::ForeignData(text));
            }
            _ => return None,
        };
        let ([now, charged_at], verdicts) = items.split_first_chunk()?;
        let now = time(now)?;
        let charged_at = time(charged_at).filter(|charged_at| *charged_at >= now)?;
        let (verdicts, rest) = verdicts.as_chunks();
        if verdicts.len() != limits || !rest.is_empty() {
            return None;
        }
        let verdicts = verdicts.iter().map(verdict).collect::<Option<Vec<_>>>()?;
        Some(Self::Outcome(Outcome::new(now, charged_at, verdicts)))
    }
}

fn verdict([remaining, reset_after, wait]: &[Value; 3]) -> Option<Verdict> {
    let remaining = number(remaining).filter(|milli| *milli <= Cost::MAX.as_milli())?;
    let remaining = Cost::milli(remaining);
    let reset_after = duration(reset_after)?;
    Some(match wait {
        Value::Int(0) => Verdict::allowed(remaining, reset_after),
        Value::Int(NEVER) => Verdict::denied(remaining, reset_after, None),
        wait => Verdict::denied(remaining, reset_after, Some(duration(wait)?)),
    })
}

fn time(value: &Value) -> Option<Timestamp> {
    number(value)
        .filter(|millis| *millis <= Timestamp::MAX.as_millis())
        .map(Timestamp::from_millis)
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

    #[test]
    fn a_reply_is_read_verdict_by_verdict() {
        let reply = numbers(&[5, 7, 1_000, 30, 0, 500, 40, 20, 0, 60, -1]);
        let (now, charged_at) = (Timestamp::from_millis(5), Timestamp::from_millis(7));
        let verdicts = [
            Verdict::allowed(Cost::ONE, Duration::from_millis(30)),
            Verdict::denied(
                Cost::milli(500),
                Duration::from_millis(40),
                Some(Duration::from_millis(20)),
            ),
            Verdict::denied(Cost::ZERO, Duration::from_millis(60), None),
        ];
        let outcome = Outcome::new(now, charged_at, verdicts);
        assert_eq!(Answer::read(&reply, 3), Some(Answer::Outcome(outcome)));
        assert_eq!(Answer::read(&reply, 2), None);
        assert_eq!(Answer::read(&reply, 4), None);
    }

    #[test]
    fn a_text_tells_of_foreign_data() {
        let reply = Value::BulkString(b"a value".to_vec());
        let answer = Answer::ForeignData("a value".to_owned());
        assert_eq!(Answer::read(&reply, 1), Some(answer));
    }

    #[test]
    fn a_reply_of_another_shape_is_none() {
        let past_the_end = (1 << 52) + 1;
        for reply in [
            numbers(&[]),
            numbers(&[5]),
            numbers(&[5, 5]),
            numbers(&[5, 5, 1]),
            numbers(&[5, 5, 1, 2]),
            numbers(&[5, 5, 1, 2, 0, 9]),
            numbers(&[5, 4, 1, 2, 0]),
            numbers(&[-5, 5, 1, 2, 0]),
            numbers(&[5, 5, -1, 2, 0]),
            numbers(&[5, 5, 1, -2, 0]),
            numbers(&[5, 5, 1, 2, -2]),
            numbers(&[i64::MIN, 5, 1, 2, 0]),
            numbers(&[5, i64::MAX, 1, 2, 0]),
            numbers(&[5, past_the_end, 1, 2, 0]),
            numbers(&[5, 5, (1 << 41) + 1, 2, 0]),
            Value::Array(vec![Value::Nil; 5]),
            Value::Nil,
            Value::Okay,
            Value::Int(5),
            Value::SimpleString("OK".to_owned()),
        ] {
            assert_eq!(Answer::read(&reply, 1), None, "{reply:?}");
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
        fn no_reply_panics(reply in value(), limits in 0_usize..4) {
            if let Some(Answer::Outcome(outcome)) = Answer::read(&reply, limits) {
                prop_assert_eq!(outcome.verdicts().len(), limits);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>(), limits in 0_usize..4) {
            if let Ok(reply) = parse_redis_value(&bytes) {
                let _ = Answer::read(&reply, limits);
            }
        }

        #[test]
        fn numbers_are_taken_or_refused(items in prop::collection::vec(-3_i64..20, 0..12)) {
            let limits = items.len().saturating_sub(2) / 3;
            let _ = Answer::read(&numbers(&items), limits);
        }
    }
}
