//! Requests that wait together and leave in one call of the script.

mod calls;
mod foreign_data;
mod model;
mod permissions;
mod refused;

use fastlimit_core::{Outcome, Request, Store, StoreError};
use fastlimit_redis::RedisStore;
use futures_util::future::join_all;

/// Asks for all before any is answered. On a runtime of one thread they wait together until the
/// task that asks does.
pub(crate) async fn together<'a>(
    store: &RedisStore,
    requests: impl IntoIterator<Item = Request<'a>>,
) -> Vec<Result<Outcome, StoreError>> {
    let replies: Vec<_> = requests
        .into_iter()
        .map(|request| store.apply(&request))
        .collect();
    join_all(replies).await
}
