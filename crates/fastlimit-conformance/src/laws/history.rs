//! Random histories, compared with the reference model answer by answer and field by field.
//!
//! A history is some twenty requests of one subject: all operations; costs from nothing to more
//! than any capacity; limits whose numbers change, that join and leave; a clock that stands
//! still, goes to the edges of windows, jumps over years, and steps back by no more than the
//! grace, the lesser of the shortest period and one minute. Requests go through the
//! instances of the store in turn.
//!
//! In real time the model is given the times that the store reports.

use crate::history::{Kind, replay_in_real_time, replay_on_manual_clock};
use crate::scene::Scene;
use crate::{LawResult, StoreFactory, Tested};

/// Any history of one limit has the answers of the model.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_of_one_limit(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_of_one_limit", factory).await?;
    try_histories(&scene, Kind::OneLimit).await
}

/// Any history of two to four limits that hold together has the answers of the model.
///
/// # Errors
///
/// The [`Violation`](crate::Violation), with the shortest part of the history that shows it,
/// and the seed that tries the same again.
pub async fn random_histories_of_several_limits(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("random_histories_of_several_limits", factory).await?;
    try_histories(&scene, Kind::SeveralLimits).await
}

/// Any history at the edges of the domain has the answers of the model: the shortest and the
/// longest period, no requests and 1,000,000,000, the first and the last times.
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
    // Three laws share the number.
    let count = scene.histories()?.div_ceil(3);
    if let Some(clock) = scene.clock() {
        replay_on_manual_clock(scene, clock, kind, count).await?;
        return Ok(Tested::InFull);
    }
    replay_in_real_time(scene, kind, count.div_ceil(10)).await?;
    Ok(Tested::InPart {
        missing: "it takes a manual clock to choose the times",
    })
}
