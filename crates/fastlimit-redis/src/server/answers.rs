use std::iter;

use fastlimit_core::StoreError;
use redis::Value;

use super::elsewhere::Elsewhere;
use crate::batch::{Answer, Batch};
use crate::failure;
use crate::replay::{Replayed, replay};

/// What the reply to a call comes to.
pub(super) enum Outcome {
    /// An answer for each item.
    Answers(Vec<Answer>),
    /// The same, and the connection is of no use any more. With an error it is known what the next
    /// would meet.
    Last(Vec<Answer>, Option<StoreError>),
    /// The same, and the server does not know how its cluster stands.
    Lost(Vec<Answer>),
    /// The server does not know the script, and did nothing.
    ScriptMissing,
    /// The server did nothing, and the reason may lie in one of the keys alone.
    AboutAKey,
    /// The server did nothing, and names the one that will.
    Elsewhere(Elsewhere, StoreError),
}

/// Reads the reply of a server to a batch, which was sent with the script itself or not.
pub(super) fn read(server: &str, batch: &Batch, is_by_source: bool, reply: &Value) -> Outcome {
    let all = |error: &StoreError| {
        let failed = || Err(error.clone());
        iter::repeat_with(failed).take(batch.len()).collect()
    };
    if let Value::ServerError(error) = reply {
        if failure::is_script_missing(error) && !is_by_source {
            return Outcome::ScriptMissing;
        }
        if batch.keys() > 1 && failure::is_about_a_key(error) {
            return Outcome::AboutAKey;
        }
        let refused = failure::refused(server, error.clone(), batch.keys_of_items());
        if let Some(elsewhere) = Elsewhere::of(&failure::text(error)) {
            return Outcome::Elsewhere(elsewhere, refused);
        }
        if failure::is_about_the_cluster(error) {
            return Outcome::Lost(all(&refused));
        }
        return match failure::is_cured_by_reconnecting(error) {
            true => Outcome::Last(all(&refused), Some(refused)),
            false => Outcome::Answers(all(&refused)),
        };
    }
    let Some(items) = replay(reply, batch) else {
        // Whatever comes next on this connection cannot be trusted either.
        return Outcome::Last(all(&failure::not_understood(server)), None);
    };
    let mut last = None;
    let answers = items
        .into_iter()
        .zip(batch.keys_of_items())
        .map(|(item, key)| match item {
            Replayed::Decision(decision) => Ok(decision),
            Replayed::ForeignData(what) => Err(failure::foreign_data(key, &what)),
            Replayed::Refused(error) => {
                let refused = failure::refused(server, error.clone(), iter::once(key));
                if failure::is_cured_by_reconnecting(error) {
                    last = Some(refused.clone());
                }
                Err(refused)
            }
        })
        .collect();
    match last {
        Some(error) => Outcome::Last(answers, Some(error)),
        None => Outcome::Answers(answers),
    }
}
