use fastlimit_core::store::Entry;
use fastlimit_core::{Decision, Timestamp};
use redis::{ServerError, Value};
use smallvec::SmallVec;

use crate::batch::Batch;
use crate::failure;

/// What became of an item.
#[derive(Debug, PartialEq)]
pub(crate) enum Replayed<'reply> {
    Decision(Decision),
    /// What is wrong with the value under the key.
    ForeignData(String),
    /// Why the key could not be read or written.
    Refused(&'reply ServerError),
}

/// What the script found under a key.
enum Found<'reply> {
    Ours(Entry),
    ForeignData(String),
    Refused(&'reply ServerError),
}

/// Applies a batch to what the script found, as the script did, and so knows what it decided.
/// `None` if the reply is none of the script's, or if the script came to another end.
pub(crate) fn replay<'reply>(
    reply: &'reply Value,
    batch: &Batch,
) -> Option<SmallVec<[Replayed<'reply>; 1]>> {
    let Value::Array(values) = reply else {
        return None;
    };
    let (values, [Value::Int(now), Value::Int(admitted)]) = values.split_last_chunk()? else {
        return None;
    };
    let now = u64::try_from(*now).ok()?;
    if values.len() != batch.keys() || now > Timestamp::MAX.as_millis() {
        return None;
    }
    let now = Timestamp::from_millis(now);
    let mut found = values
        .iter()
        .map(find)
        .collect::<Option<SmallVec<[_; 1]>>>()?;
    let mut allowed = 0_i64;
    let replayed = batch
        .places_and_shapes()
        .map(|(key, shape)| match found.get_mut(key)? {
            Found::Ours(entry) => {
                let decision = entry.apply(shape.limits(), shape.operation(), now).decision;
                allowed = allowed.saturating_add(decision.is_allowed().into());
                Some(Replayed::Decision(decision))
            }
            Found::ForeignData(what) => Some(Replayed::ForeignData(what.clone())),
            Found::Refused(error) => Some(Replayed::Refused(error)),
        })
        .collect::<Option<_>>()?;
    // Where a key could not be written, the script does not say.
    (*admitted == allowed || *admitted == -1).then_some(replayed)
}

fn find(value: &Value) -> Option<Found<'_>> {
    match value {
        Value::Nil => Some(Found::Ours(Entry::new())),
        Value::BulkString(bytes) => Some(match Entry::from_bytes(bytes) {
            Ok(entry) => Found::Ours(entry),
            Err(error) => Found::ForeignData(error.to_string()),
        }),
        Value::ServerError(error) if failure::is_wrong_type(error) => Some(Found::ForeignData(
            "a value that is not a string".to_owned(),
        )),
        Value::ServerError(error) => Some(Found::Refused(error)),
        _ => None,
    }
}
