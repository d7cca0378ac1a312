//! Requests that wait together and leave in one call of the script.

mod calls;
mod foreign_data;
mod model;
mod permissions;
mod refused;

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Decision, Limit, Store, StoreError};
use fastlimit_redis::RedisStore;
use futures_util::future::{join, join_all};

/// Asks for all before any is answered, behind a request that a connection sends alone because it
/// is the first. On a runtime of one thread the others wait together until the task that asks does.
pub(crate) async fn together<'a>(
    store: &RedisStore,
    requests: impl IntoIterator<Item = Request<'a>>,
) -> Vec<Result<Decision, StoreError>> {
    let limit: Limit = "1/day".parse().unwrap();
    let key = Key::new("fl", "ahead", "t", "i");
    let ahead = store.apply(&Request::new(key, limit, Operation::Peek(Cost::ZERO)));
    let replies: Vec<_> = requests
        .into_iter()
        .map(|request| store.apply(&request))
        .collect();
    // It may be refused, where everything is.
    let (_, answers) = join(ahead, join_all(replies)).await;
    answers
}
