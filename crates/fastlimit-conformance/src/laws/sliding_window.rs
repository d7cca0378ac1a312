//! What a sliding window promises besides: the window before counts as far as the last period
//! still overlaps it.

use std::time::Duration;

use fastlimit_core::{Algorithm, Cost};
use fastrand::Rng;

use crate::scene::{HOUR, MILLISECOND, MINUTE, SECOND, START, Scene, at};
use crate::{LawResult, StoreFactory, Tested};

const NEEDS_A_CLOCK: Tested = Tested::NotTested {
    why: "it takes a manual clock",
};

/// What is in use is that of the present window, and of the one before it the part that the last
/// period overlaps; what was used two windows ago is forgotten.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_sliding_window_remembers_the_window_before(factory: &dyn StoreFactory) -> LawResult {
    let law = "a_sliding_window_remembers_the_window_before";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for period in [4 * MILLISECOND, SECOND, MINUTE] {
        let limit = scene.limit_of(Algorithm::SlidingWindow, 8, period)?;
        let subject = scene.subject(format_args!("{period:?}"));
        clock.set(at(START));
        let _ = subject.check(limit, Cost::requests(8)).await?;
        for (quarters, left) in [(0, 0), (4, 0), (5, 2), (6, 4), (7, 6), (8, 8), (9, 8)] {
            clock.set(at(START).saturating_add(period * quarters / 4));
            let decision = subject.usage(limit).await?;
            let what =
                format!("{limit}, used up at {START}, {quarters} quarters of a period later");
            scene.remains(&what, &decision, left * 1_000)?;
            scene.equal(
                format_args!("reset_after of {what}"),
                decision.reset_after(),
                (period * 2).saturating_sub(period * quarters / 4),
            )?;
        }
        // Charged in the second window: the first one still counts, and then this one does.
        let subject = scene.subject(format_args!("{period:?} twice"));
        clock.set(at(START));
        let _ = subject.check(limit, Cost::requests(8)).await?;
        clock.set(at(START).saturating_add(period * 6 / 4));
        let _ = subject.check(limit, Cost::requests(4)).await?;
        for (quarters, left) in [(6, 0), (7, 2), (8, 4), (10, 6), (12, 8)] {
            clock.set(at(START).saturating_add(period * quarters / 4));
            let decision = subject.usage(limit).await?;
            let what = format!("{limit}, charged in two windows, after {quarters} quarters");
            scene.remains(what, &decision, left * 1_000)?;
        }
    }
    Ok(Tested::InFull)
}

/// The part of the window before that counts is rounded up, to the thousandth of a request:
/// nobody gets a fraction too much.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn the_estimate_of_a_sliding_window_is_rounded_up(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "the_estimate_of_a_sliding_window_is_rounded_up";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for (millis, used) in [
        (3_u64, 1_000_u64),
        (7, 1),
        (7, 2_999),
        (999, 1_001),
        (60_000, 3_000),
        // Neither divides the other, and the product needs 76 bits.
        (31_622_399_999, 999_999_999_989),
    ] {
        let limit = scene.limit_of(
            Algorithm::SlidingWindow,
            1_000_000_000,
            Duration::from_millis(millis),
        )?;
        let capacity = limit.capacity().as_milli();
        let start = START - START % millis;
        let subject = scene.subject(format_args!("{millis} {used}"));
        clock.set(at(start));
        let _ = subject.check(limit, Cost::milli(used)).await?;
        for elapsed in [0, 1, 2, millis / 3, millis / 2, millis - 2, millis - 1] {
            clock.set(at(start + millis + elapsed));
            let decision = subject.usage(limit).await?;
            let counts = u128::from(used) * u128::from(millis - elapsed);
            let counts = u64::try_from(counts.div_ceil(u128::from(millis))).unwrap_or(u64::MAX);
            let what = format!("{used} milli of {limit}, {elapsed} ms into the next window");
            scene.remains(&what, &decision, capacity - counts)?;
            let more = Cost::milli(capacity - counts + 1);
            let decision = subject.check(limit, more).await?;
            scene.denied(format_args!("a check of {more} with {what}"), &decision)?;
        }
    }
    Ok(Tested::InFull)
}

/// Whatever is asked, right after an admission what is in use is no more than the capacity `C`;
/// so is what one aligned window of the period `P` admitted; and any interval of that length
/// admitted no more than the greater of `C` and `2C - ceil(2C / P)`.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_sliding_window_admits_no_more_than_it_promises(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "a_sliding_window_admits_no_more_than_it_promises";
    let scene = Scene::open(law, factory).await?;
    let mut rng = Rng::with_seed(scene.seed()?);
    let period = 20;
    let limit = scene.limit_of(Algorithm::SlidingWindow, 7, MILLISECOND * 20)?;
    let capacity = limit.capacity().as_milli();
    let subject = scene.subject("greedy");
    let mut admitted: Vec<(u64, u64)> = Vec::new();
    for _ in 0..600 {
        match scene.clock() {
            Some(clock) => clock.advance(MILLISECOND * rng.u32(0..=3)),
            None => tokio::time::sleep(MILLISECOND / 3).await,
        }
        let cost = match rng.u32(0..4) {
            // Everything, so that every fraction too much is taken.
            0 => subject.usage(limit).await?.remaining_cost(),
            _ => Cost::milli(rng.u64(1..=3_000)),
        };
        let decision = subject.check(limit, cost).await?;
        if !decision.is_allowed() {
            continue;
        }
        let now = decision.charged_at().as_millis();
        admitted.push((now, cost.as_milli()));
        let within = |from: u64, to: u64| {
            let costs = admitted
                .iter()
                .filter(|(time, _)| (from..to).contains(time));
            costs.map(|&(_, cost)| cost).sum::<u64>()
        };
        let start = now - now % period;
        let present = within(start, start + period);
        let before = within(start.saturating_sub(period), start);
        let estimate = present + (before * (start + period - now)).div_ceil(period);
        for (what, found, most) in [
            ("in use", estimate, capacity),
            ("admitted by the window", present, capacity),
            (
                "admitted by the period that ends now",
                within((now + 1).saturating_sub(period), now + 1),
                capacity.max(2 * capacity - (2 * capacity).div_ceil(period)),
            ),
        ] {
            scene.ensure(
                format_args!("what is {what} of {limit} at {now}, after a check of {cost}"),
                found <= most,
                format_args!("at most {most} milli"),
                found,
            )?;
        }
    }
    scene.ensure(
        "what was admitted in all",
        admitted.len() > 10,
        "more than ten",
        admitted.len(),
    )?;
    Ok(Tested::InFull)
}

/// A refund is taken from the window that was charged, this one or the one before it, and one
/// from any other is ignored; never is more taken than was charged there.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_refund_goes_to_the_window_that_was_charged(factory: &dyn StoreFactory) -> LawResult {
    let law = "a_refund_goes_to_the_window_that_was_charged";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for period in [4 * MILLISECOND, MINUTE, HOUR] {
        let limit = scene.limit_of(Algorithm::SlidingWindow, 20, period)?;
        let subject = scene.subject(format_args!("{period:?}"));
        let now = scene.now().await?.as_millis();
        let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        let before = now - now % period;
        let start = before + period;
        clock.set(at(before));
        let _ = subject.check(limit, Cost::requests(8)).await?;
        // Half of the eight still count.
        clock.set(at(start + period / 2));
        let decision = subject.check(limit, Cost::requests(3)).await?;
        scene.remains(format_args!("{limit}"), &decision, 13_000)?;
        for (cost, charged_at, left) in [
            (5, before - 1, 13_000),
            (5, start + period, 13_000),
            (5, 0, 13_000),
            (5, u64::MAX, 13_000),
            (2, before, 14_000),
            (2, start - 1, 15_000),
            (1, start, 16_000),
            (90, start + period - 1, 18_000),
            (90, before, 20_000),
            (90, start, 20_000),
        ] {
            let decision = subject
                .refund(limit, Cost::requests(cost), at(charged_at))
                .await?;
            let what = format!(
                "a refund of {cost} charged at {charged_at}, with windows from {before} and {start}"
            );
            scene.allowed(&what, &decision)?;
            scene.remains(what, &decision, left)?;
        }
        let decision = subject.check(limit, Cost::requests(20)).await?;
        scene.allowed("a check of everything after the refunds", &decision)?;
        let decision = subject.check(limit, Cost::milli(1)).await?;
        scene.denied("a check of more after the refunds", &decision)?;
        clock.set(at(START));
    }
    Ok(Tested::InFull)
}
