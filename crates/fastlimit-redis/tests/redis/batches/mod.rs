//! Requests that wait together and leave in one call of the script.

mod calls;
mod foreign_data;
mod model;
mod permissions;
mod refused;

use fastlimit_core::store::Request;
use fastlimit_core::{Decision, Store, StoreError};
use fastlimit_redis::RedisStore;
use futures_util::future::join_all;

/// Asks for all together, so that they leave together.
pub(crate) async fn together<'a>(
    store: &RedisStore,
    requests: impl IntoIterator<Item = Request<'a>>,
) -> Vec<Result<Decision, StoreError>> {
    let requests: Vec<_> = requests.into_iter().collect();
    join_all(store.apply_all(&requests)).await
}
