//! How much is let through.

use std::time::Duration;

use fastlimit_core::{Cost, Rate, Timestamp};
use fastrand::Rng;

use crate::scene::{MILLISECOND, MINUTE, START, Scene, at, time_left};
use crate::{LawResult, StoreFactory, Tested, Violation};

/// Checks pass as long as their costs fit into the capacity, and not one more does. Each answer
/// tells what is left after it.
///
/// # Errors
///
/// The [`Violation`].
pub async fn admits_up_to_the_capacity_and_no_more(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("admits_up_to_the_capacity_and_no_more", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        for (requests, cost) in [
            (1, 1_000),
            (5, 1_000),
            (10, 3_000),
            (2, 300),
            (100, 7_001),
            (40, 40_000),
        ] {
            let limit = scene.limit(requests, period)?;
            let subject = scene.subject(format_args!("{requests} by {cost}"));
            let mut left = limit.capacity().as_milli();
            while left >= cost {
                left -= cost;
                let decision = subject.check(limit, Cost::milli(cost)).await?;
                let what = format!("a check of {cost} milli of {limit} that leaves {left}");
                scene.allowed(&what, &decision)?;
                scene.remains(&what, &decision, left)?;
            }
            let decision = subject.check(limit, Cost::milli(cost)).await?;
            let what = format!("a check of {cost} milli of {limit} with {left} left");
            scene.denied(&what, &decision)?;
            scene.remains(&what, &decision, left)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Whatever is asked, what is admitted within one aligned window is no more than the capacity,
/// and within any interval as long as the period no more than twice that.
///
/// # Errors
///
/// The [`Violation`].
pub async fn no_window_admits_more_than_its_capacity(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("no_window_admits_more_than_its_capacity", factory).await?;
    let mut rng = Rng::with_seed(scene.seed()?);
    let period = 20 * MILLISECOND;
    let limit = scene.limit(7, period)?;
    let subject = scene.subject("greedy");
    let mut admitted: Vec<(u64, u64)> = Vec::new();
    for _ in 0..600 {
        match scene.clock() {
            Some(clock) => clock.advance(MILLISECOND * rng.u32(0..=3)),
            None => tokio::time::sleep(MILLISECOND / 3).await,
        }
        let cost = Cost::milli(rng.u64(1..=3_000));
        let decision = subject.check(limit, cost).await?;
        if decision.is_allowed() {
            admitted.push((decision.charged_at().as_millis(), cost.as_milli()));
        }
    }
    let capacity = limit.capacity().as_milli();
    let sum = |within: &dyn Fn(u64) -> bool| {
        let costs = admitted.iter().filter(|&&(time, _)| within(time));
        costs.map(|&(_, cost)| cost).sum::<u64>()
    };
    for &(time, _) in &admitted {
        let window = sum(&|other| other / 20 == time / 20);
        scene.ensure(
            format_args!("what the window at {time} admitted of {limit}"),
            window <= capacity,
            format_args!("at most {capacity} milli"),
            window,
        )?;
        let interval = sum(&|other| (time..time + 20).contains(&other));
        scene.ensure(
            format_args!("what the 20 ms from {time} admitted of {limit}"),
            interval <= 2 * capacity,
            format_args!("at most twice {capacity} milli"),
            interval,
        )?;
    }
    scene.ensure(
        "what was admitted in all",
        !admitted.is_empty(),
        "something",
        admitted.len(),
    )?;
    Ok(Tested::InFull)
}

/// A check of exactly what is said to remain passes, one of a thousandth of a request more does
/// not.
///
/// # Errors
///
/// The [`Violation`].
pub async fn what_remains_is_honest(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("what_remains_is_honest", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        for (requests, used) in [
            (1, 0),
            (1, 1),
            (1, 1_000),
            (3, 1_001),
            (50, 49_999),
            (scene.most_requests(), 5),
        ] {
            let limit = scene.limit(requests, period)?;
            let subject = scene.subject(format_args!("{used} of {requests}"));
            let decision = subject.check(limit, Cost::milli(used)).await?;
            let left = decision.remaining_cost();
            let more = Cost::milli(left.as_milli() + 1);
            let what = format!("with {used} milli of {limit} in use and {left} said to remain");
            let decision = subject.check(limit, more).await?;
            scene.denied(format_args!("a check of {more} {what}"), &decision)?;
            let decision = subject.check(limit, left).await?;
            scene.allowed(format_args!("a check of {left} {what}"), &decision)?;
            scene.remains(format_args!("after a check of all {what}"), &decision, 0)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// What remains never grows inside a window, whatever is checked, peeked and charged, and
/// however its clock moves: only a refund, a reset and the next window give anything back.
///
/// # Errors
///
/// The [`Violation`].
pub async fn what_remains_never_grows_inside_a_window(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("what_remains_never_grows_inside_a_window", factory).await?;
    let mut rng = Rng::with_seed(scene.seed()?);
    let period = scene.quiet_period().await?;
    let limit = scene.limit(20, period)?;
    for name in ["first", "second", "third"] {
        let subject = scene.subject(name);
        let mut least = limit.capacity();
        for _ in 0..60 {
            if let Some(clock) = scene.clock() {
                clock.set(at(START + rng.u64(0..60_000)));
            }
            let cost = Cost::milli(rng.u64(0..3_000));
            let (name, decision) = match rng.u32(0..8) {
                // Not into debt, which would hide what a denial gives back.
                0 => ("charge", subject.charge(limit, cost.min(least)).await?),
                1 => ("peek", subject.peek(limit, cost).await?),
                _ => ("check", subject.check(limit, cost).await?),
            };
            // A peek tells what a check would leave, so look again.
            let left = subject.usage(limit).await?.remaining_cost();
            scene.ensure(
                format_args!("what remains after a {name} of {cost}"),
                left <= least,
                format_args!("at most {least}, as before"),
                (left, decision),
            )?;
            least = left;
        }
    }
    Ok(Tested::InFull)
}

/// A cost of nothing is always allowed and takes nothing: with nothing in use, with nothing
/// left, in debt, and under a limit of zero.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_cost_of_zero_is_allowed_and_takes_nothing(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_cost_of_zero_is_allowed_and_takes_nothing", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        for (requests, used) in [(3, 0), (3, 2_000), (3, 3_000), (3, 9_000), (0, 0), (0, 5)] {
            let limit = scene.limit(requests, period)?;
            let subject = scene.subject(format_args!("{used} of {requests}"));
            let before = subject.charge(limit, Cost::milli(used)).await?;
            for _ in 0..3 {
                let decision = subject.check(limit, Cost::ZERO).await?;
                let what = format!("a check of cost 0 with {used} milli of {limit} in use");
                scene.allowed(&what, &decision)?;
                scene.remains(&what, &decision, before.remaining_cost().as_milli())?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// A limit of zero denies everything that costs something, and says that waiting does not help.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_limit_of_zero_denies_whatever_costs(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_limit_of_zero_denies_whatever_costs", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let limit = scene.limit(0, period)?;
        let subject = scene.subject("nobody");
        for cost in [Cost::milli(1), Cost::ONE, Cost::MAX] {
            for decision in [
                subject.peek(limit, cost).await?,
                subject.check(limit, cost).await?,
            ] {
                let what = format!("{cost} under {limit}");
                scene.denied(&what, &decision)?;
                scene.remains(&what, &decision, 0)?;
                scene.equal(what, decision.retry_after(), None)?;
            }
        }
        let decision = subject.usage(scene.limit(5, period)?).await?;
        scene.remains("the limit raised to 5 after its denials", &decision, 5_000)?;
    }
    Ok(scene.tried_by_algorithm())
}

/// A check that costs more than the capacity never passes, is told that waiting does not help,
/// and takes nothing from those that fit.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_cost_above_the_capacity_never_passes(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_cost_above_the_capacity_never_passes", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let limit = scene.limit(4, period)?;
        let subject = scene.subject("greedy");
        for cost in [4_001, 5_000, 1 << 41, u64::MAX].map(Cost::milli) {
            let decision = subject.check(limit, cost).await?;
            let what = format!("a check of {cost} under {limit}");
            scene.denied(&what, &decision)?;
            scene.remains(&what, &decision, 4_000)?;
            scene.equal(what, decision.retry_after(), None)?;
        }
        let decision = subject.check(limit, Cost::requests(4)).await?;
        scene.allowed("a check of the whole capacity after them", &decision)?;
    }
    Ok(scene.tried_by_algorithm())
}

/// Costs are counted to the thousandth of a request.
///
/// # Errors
///
/// The [`Violation`].
pub async fn thousandths_of_a_request_count(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("thousandths_of_a_request_count", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let limit = scene.limit(1, period)?;
        let subject = scene.subject("frugal");
        for left in (0..1_000).rev() {
            let decision = subject.check(limit, Cost::milli(1)).await?;
            let what = format!("a check of 0.001 that leaves {left} milli");
            scene.allowed(&what, &decision)?;
            scene.remains(what, &decision, left)?;
        }
        let decision = subject.check(limit, Cost::milli(1)).await?;
        scene.denied("the check of 0.001 after a thousand", &decision)?;
    }
    Ok(scene.tried_by_algorithm())
}

/// A denied check takes nothing, however often it is tried: what it was denied for, a smaller
/// one still gets.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_denial_takes_nothing(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_denial_takes_nothing", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let limit = scene.limit(5, period)?;
        let subject = scene.subject("stubborn");
        let decision = subject.check(limit, Cost::requests(3)).await?;
        scene.remains("a check of 3 of 5", &decision, 2_000)?;
        for _ in 0..10 {
            let decision = subject.check(limit, Cost::requests(3)).await?;
            scene.denied("a check of 3 with 2 left", &decision)?;
            scene.remains("a check of 3 with 2 left", &decision, 2_000)?;
        }
        let decision = subject.check(limit, Cost::requests(2)).await?;
        scene.allowed("a check of 2 after ten denials", &decision)?;
        scene.remains("a check of 2 after ten denials", &decision, 0)?;
    }
    Ok(scene.tried_by_algorithm())
}

/// The greatest and the least of everything is counted exactly: 1,000,000,000 requests, one
/// millisecond and 366 days, the first and the last times, costs up to any number.
///
/// # Errors
///
/// The [`Violation`].
pub async fn the_edges_of_the_domain_are_exact(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("the_edges_of_the_domain_are_exact", factory).await?;
    let last = Timestamp::MAX.as_millis();
    let Some(clock) = scene.clock() else {
        // One that does not end meanwhile, so not the shortest.
        edge(&scene, Rate::MAX_REQUESTS, Rate::MAX_PERIOD).await?;
        edge(&scene, 1, Rate::MAX_PERIOD).await?;
        return Ok(Tested::InPart {
            missing: "it takes a manual clock to choose the times",
        });
    };
    for now in [0, 1, 59_999, START, last - 60_000, last - 1, last] {
        clock.set(at(now));
        for requests in [1, Rate::MAX_REQUESTS] {
            for period in [Rate::MIN_PERIOD, MINUTE, Rate::MAX_PERIOD] {
                edge(&scene, requests, period).await?;
            }
        }
    }
    Ok(Tested::InFull)
}

async fn edge(scene: &Scene, requests: u32, period: Duration) -> Result<(), Violation> {
    let limit = scene.limit(requests, period)?;
    let now = scene.now().await?;
    let subject = scene.subject(format_args!("{limit} at {now}"));
    let all = limit.capacity();
    let most = Cost::milli(u64::MAX);

    let decision = subject.check(limit, most).await?;
    let what = format!("a check of any number under {limit} at {now}");
    scene.denied(&what, &decision)?;
    scene.equal(what, decision.retry_after(), None)?;

    let decision = subject.check(limit, all).await?;
    let what = format!("a check of the whole capacity of {limit} at {now}");
    scene.allowed(&what, &decision)?;
    scene.remains(what, &decision, 0)?;

    let decision = subject.check(limit, Cost::milli(1)).await?;
    let what = format!("a check of 0.001 with nothing left of {limit} at {now}");
    let wait = scene.wait_of(&what, &decision)?;
    scene.equal(what, wait, time_left(decision.now(), period))?;

    let charged = subject.charge(limit, most).await?;
    let what = format!("a charge of any number under {limit} at {now}");
    scene.allowed(&what, &charged)?;
    scene.remains(what, &charged, 0)?;

    let decision = subject.refund(limit, most, charged.charged_at()).await?;
    let what = format!("a refund of any number under {limit} at {now}");
    scene.remains(what, &decision, all.as_milli())?;
    // On a server, it would stay for a year.
    let _ = subject.reset(limit).await?;
    Ok(())
}
