//! Limits that change between requests: an upgrade, a new price list, a limit that joins.

use fastlimit_core::{Algorithm, Cost};

use crate::scene::{MILLISECOND, Scene, remaining};
use crate::{LawResult, StoreFactory, Tested};

/// A limit that is lowered below what is in use has nothing left, not a number that wrapped; it
/// denies, and says truly when to come back.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_lowered_limit_has_nothing_left(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_lowered_limit_has_nothing_left", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let high = scene.limit(10, period)?;
        for (requests, left) in [(9, 1_000), (8, 0), (7, 0), (1, 0), (0, 0)] {
            let low = match (scene.algorithm(), requests) {
                // Only the burst: by the old rate a store may forget what a lower one still holds.
                (Algorithm::TokenBucket, 1..) => scene.bucket(10, period, requests)?,
                _ => scene.limit(requests, period)?,
            };
            let subject = scene.subject(requests);
            let _ = subject.check(high, Cost::requests(8)).await?;
            let decision = subject.usage(low).await?;
            let what = format!("{high} lowered to {low} with 8 in use");
            scene.remains(&what, &decision, left)?;
            let decision = subject.check(low, Cost::milli(left + 1)).await?;
            scene.denied(&what, &decision)?;
            scene.remains(&what, &decision, left)?;
            scene.equal(
                format_args!("whether waiting helps with {what}"),
                decision.retry_after().is_some(),
                requests > 0,
            )?;
            if let (Some(clock), Some(wait)) = (scene.clock(), decision.retry_after()) {
                let start = scene.now().await?;
                clock.advance(wait - MILLISECOND);
                let early = subject.peek(low, Cost::milli(left + 1)).await?;
                scene.denied(format_args!("1 ms early, {what}"), &early)?;
                clock.advance(MILLISECOND);
                let decision = subject.peek(low, Cost::milli(left + 1)).await?;
                scene.allowed(format_args!("after the wait, {what}"), &decision)?;
                clock.set(start);
            }
        }
    }
    Ok(match scene.clock() {
        Some(_) => Tested::InFull,
        None => Tested::InPart {
            missing: "it takes a manual clock to wait until a window ends",
        },
    })
}

/// A limit that is raised allows the difference at once and keeps the count, so that an upgrade
/// is seen at once and is no reset.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_raised_limit_keeps_the_count(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_raised_limit_keeps_the_count", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let subject = scene.subject("upgraded");
        let mut used = 0;
        for requests in [3, 4, 10, 900, scene.most_requests()] {
            let limit = scene.limit(requests, period)?;
            let all = limit.capacity().as_milli() - used;
            let decision = subject.usage(limit).await?;
            let what = format!("a limit raised to {limit} with {used} milli in use");
            scene.remains(&what, &decision, all)?;
            let decision = subject.check(limit, Cost::milli(all + 1)).await?;
            scene.denied(&what, &decision)?;
            let decision = subject.check(limit, Cost::milli(all)).await?;
            scene.allowed(&what, &decision)?;
            used += all;
        }
        // Down to zero and up again: the count is still there.
        let decision = subject.check(scene.limit(0, period)?, Cost::ONE).await?;
        scene.denied("the limit lowered to zero", &decision)?;
        let most = scene.limit(scene.most_requests(), period)?;
        let decision = subject.usage(most).await?;
        scene.remains("the limit raised from zero again", &decision, 0)?;
    }
    Ok(scene.tried_by_algorithm())
}

/// A limit whose period changes starts anew; when the old period comes back while its window
/// lasts, so does its count.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_changed_period_starts_anew(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_changed_period_starts_anew", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let subject = scene.subject("rescheduled");
        let (old, new) = (scene.limit(5, short)?, scene.limit(5, long)?);
        let decision = subject.check(old, Cost::requests(4)).await?;
        scene.remains(format_args!("a check of 4 of {old}"), &decision, 1_000)?;
        let decision = subject.check(new, Cost::requests(3)).await?;
        scene.allowed(format_args!("the first check of {new}"), &decision)?;
        scene.remains(format_args!("the first check of {new}"), &decision, 2_000)?;
        let decision = subject.check(old, Cost::ONE).await?;
        scene.remains(format_args!("a check of {old} again"), &decision, 0)?;
        let decision = subject.usage(new).await?;
        scene.remains(format_args!("{new} again"), &decision, 2_000)?;
    }
    Ok(scene.tried_by_algorithm())
}

/// A limit that joins a policy or leaves it leaves the counts of the others alone, and finds
/// its own again when it comes back.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn limits_that_join_or_leave_leave_the_others_alone(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "limits_that_join_or_leave_leave_the_others_alone";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let [a, b, c, d] = scene.quiet_periods().await?;
        let subject = scene.subject("reorganised");
        for (limits, left) in [
            (vec![(9, a)], vec![8_000]),
            (vec![(9, a), (9, b)], vec![7_000, 8_000]),
            (vec![(9, c), (9, a), (9, b)], vec![8_000, 6_000, 7_000]),
            (vec![(9, b), (9, c)], vec![6_000, 7_000]),
            (vec![(9, d)], vec![8_000]),
            (
                vec![(9, a), (9, b), (9, c), (9, d)],
                vec![5_000, 5_000, 6_000, 7_000],
            ),
            (vec![(9, a)], vec![4_000]),
        ] {
            let policy = scene.policy(&limits)?;
            let decision = subject.check(&policy, Cost::ONE).await?;
            let found = remaining(&decision);
            scene.equal(format_args!("what remains of {policy}"), found, left)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// The number of the request counts, not one that was seen before: neither in what is admitted
/// nor in what is said to remain.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn the_number_of_the_request_counts(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("the_number_of_the_request_counts", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let subject = scene.subject("of many tiers");
        let mut used = 0_u64;
        for requests in [5, 50, 2, 7, 0, 30, 6, 100] {
            let limit = scene.limit(requests, period)?;
            let left = limit.capacity().as_milli().saturating_sub(used);
            let decision = subject.usage(limit).await?;
            let what = format!("{limit} with {used} milli in use");
            scene.equal(
                format_args!("what remains of {what}"),
                decision.remaining_cost().as_milli(),
                left,
            )?;
            let decision = subject.check(limit, Cost::requests(2)).await?;
            scene.equal(
                format_args!("whether a check of 2 passes under {what}"),
                decision.is_allowed(),
                left >= 2_000,
            )?;
            if decision.is_allowed() {
                used += 2_000;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Limits with the same period and different algorithms keep apart, in one policy and when they
/// are asked for one by one: a changed algorithm starts anew, and finds its own count when it
/// comes back.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn algorithms_of_one_period_keep_apart(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("algorithms_of_one_period_keep_apart", factory).await?;
    let period = scene.quiet_period().await?;
    let limits = scene
        .by_algorithm()
        .map(|scene| scene.limit(9, period))
        .collect::<Result<Vec<_>, _>>()?;
    let subject = scene.subject("reconsidered");
    let costs = || (1..).map(|requests| 1_000 * requests);
    for (limit, used) in limits.iter().zip(costs()) {
        let decision = subject.check(*limit, Cost::milli(used)).await?;
        let what = format!("the first check of {limit}, of {used} milli");
        scene.remains(what, &decision, 9_000 - used)?;
    }
    for round in 1..=3 {
        let decision = subject.check(&scene.policy_of(&limits)?, Cost::ONE).await?;
        for (status, used) in decision.limits().iter().zip(costs()) {
            scene.equal(
                format_args!("what remains of {} after round {round}", status.limit()),
                status.remaining_cost().as_milli(),
                9_000 - used - 1_000 * round,
            )?;
        }
    }
    if let Some(first) = limits.first() {
        let _ = subject.reset(*first).await?;
    }
    let decision = subject.usage(&scene.policy_of(&limits)?).await?;
    let left = decision.limits().iter().zip(costs()).enumerate();
    for (index, (status, used)) in left {
        scene.equal(
            format_args!(
                "what remains of {} after a reset of the first",
                status.limit()
            ),
            status.remaining_cost().as_milli(),
            if index == 0 { 9_000 } else { 6_000 - used },
        )?;
    }
    Ok(scene.tried_by_algorithm())
}
