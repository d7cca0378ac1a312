//! Random histories, compared with the reference model answer by answer and field by field.
//!
//! A history is some twenty requests of one subject: all operations; costs from nothing to more
//! than any capacity; limits whose numbers and bursts change, that join and leave; a clock that
//! stands still, goes to the edges of windows and to where charges leave a log, jumps over years,
//! and steps back by no more than the grace, the lesser of the shortest period and one minute.
//! Requests go through the instances of the store in turn. The rate of a bucket is never lowered
//! but to 0: a store may have forgotten what the new rate would still hold.
//!
//! Whenever a check is denied for a while, it is looked at again when that is over, and a
//! millisecond before.
//!
//! In real time the model is given the times that the store reports. Each law tries the full
//! number of histories. Histories are too short to fill a log: the laws of the
//! [sliding log](super::sliding_log) do.

use fastlimit_core::Algorithm;

use crate::history::{Kind, replay_in_real_time, replay_on_manual_clock};
use crate::scene::Scene;
use crate::{LawResult, StoreFactory, Tested};

/// Any history of one fixed window has the answers of the model.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_of_a_fixed_window(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_of_a_fixed_window", factory).await?;
    try_histories(&scene, Kind::One(Algorithm::FixedWindow)).await
}

/// Any history of one sliding window has the answers of the model: the estimate rounded up, the
/// window before, refunds to the window that was charged.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_of_a_sliding_window(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_of_a_sliding_window", factory).await?;
    try_histories(&scene, Kind::One(Algorithm::SlidingWindow)).await
}

/// Any history of one token bucket has the answers of the model: the exact level, whatever the
/// rate and the burst.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_of_a_token_bucket(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_of_a_token_bucket", factory).await?;
    try_histories(&scene, Kind::One(Algorithm::TokenBucket)).await
}

/// Any history of one sliding log has the answers of the model: each charge counts for a period, a
/// refund goes to what was charged at its time.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_of_a_sliding_log(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_of_a_sliding_log", factory).await?;
    try_histories(&scene, Kind::One(Algorithm::SlidingLog)).await
}

/// Any history of one to four limits that hold together has the answers of the model, whatever
/// their algorithms, and with the same period too.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_of_several_limits(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_of_several_limits", factory).await?;
    try_histories(&scene, Kind::Several).await
}

/// Any history at the edges of the domain has the answers of the model: the shortest and the
/// longest period, no requests and 1,000,000,000, the longest drain, the first and the last
/// times, and numbers whose products are one off a multiple of what they are divided by.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_at_the_edges_of_the_domain(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_at_the_edges_of_the_domain", factory).await?;
    try_histories(&scene, Kind::Extremes).await
}

async fn try_histories(scene: &Scene, kind: Kind) -> LawResult {
    let count = scene.histories()?;
    if let Some(clock) = scene.clock() {
        replay_on_manual_clock(scene, clock, kind, count).await?;
        return Ok(Tested::InFull);
    }
    replay_in_real_time(scene, kind, count.div_ceil(10)).await?;
    Ok(Tested::InPart {
        missing: "it takes a manual clock to choose the times",
    })
}
