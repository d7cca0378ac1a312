//! What a token bucket promises besides: a burst at once, and a refill that is exact for ever.

use std::time::Duration;

use fastlimit_core::{Cost, Limit};
use fastrand::Rng;

use crate::scene::{DAY, HOUR, MILLISECOND, MINUTE, SECOND, START, Scene, Subject, at};
use crate::{LawResult, StoreFactory, Tested, Violation};

const NEEDS_A_CLOCK: Tested = Tested::NotTested {
    why: "it takes a manual clock",
};

/// No level takes longer to drain, in milliseconds.
const LONGEST_DRAIN: u128 = 36_525 * 86_400_000;

/// The capacity of a bucket is its burst, whether that is less than the number of its rate or
/// more; what has been taken comes back at the rate, and no more than the burst.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_bucket_holds_its_burst(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_bucket_holds_its_burst", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for (requests, burst) in [(60, 1), (60, 7), (60, 60), (60, 500), (1, 20)] {
        let limit = scene.bucket(requests, MINUTE, burst)?;
        let subject = scene.subject(limit);
        let all = Cost::requests(u64::from(burst));
        let more = Cost::milli(all.as_milli() + 1);
        for after in [Duration::ZERO, HOUR, DAY] {
            clock.advance(after);
            let decision = subject.check(limit, more).await?;
            scene.denied(format_args!("a check of {more} of {limit}"), &decision)?;
            scene.equal(
                format_args!("retry_after of a check of {more} of {limit}"),
                decision.retry_after(),
                None,
            )?;
            let decision = subject.check(limit, all).await?;
            scene.allowed(format_args!("a check of {all} of {limit}"), &decision)?;
            scene.remains(format_args!("a check of {all} of {limit}"), &decision, 0)?;
            scene.equal(
                format_args!("reset_after of {limit} with nothing left"),
                decision.reset_after(),
                MINUTE * burst / requests,
            )?;
            // One request more with every sixtieth of a minute, or every minute.
            clock.advance(MINUTE / requests);
            let decision = subject.usage(limit).await?;
            scene.remains(
                format_args!("{limit} when one request is back"),
                &decision,
                1_000,
            )?;
        }
    }
    Ok(Tested::InFull)
}

/// Whatever is asked, within any interval of a length `t` a bucket admits no more than its burst
/// and `floor(t · C / P)`: what the rate of `C` per `P` refills in that time.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_bucket_admits_no_more_than_burst_and_refill(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "a_bucket_admits_no_more_than_burst_and_refill";
    let scene = Scene::open(law, factory).await?;
    let mut rng = Rng::with_seed(scene.seed()?);
    for (requests, period, burst) in [(3, 70, 2), (7, 20, 7), (1, 999, 3), (1, 7, 1)] {
        let limit = scene.bucket(requests, MILLISECOND * period, burst)?;
        let subject = scene.subject(limit);
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        for _ in 0..200 {
            match scene.clock() {
                Some(clock) => clock.advance(MILLISECOND * rng.u32(0..=3)),
                None => tokio::time::sleep(MILLISECOND / 3).await,
            }
            let cost = match rng.u32(0..3) {
                0 => Cost::milli(rng.u64(1..=1_000)),
                // Everything, so that every fraction too much is taken.
                _ => subject.usage(limit).await?.remaining_cost(),
            };
            let decision = subject.check(limit, cost).await?;
            if decision.is_allowed() {
                admitted.push((decision.charged_at().as_millis(), cost.as_milli()));
            }
        }
        let mut sum = 0;
        let sums: Vec<(u64, u64)> = admitted
            .iter()
            .map(|&(time, cost)| {
                sum += cost;
                (time, sum)
            })
            .collect();
        let mut before = 0;
        for (index, &(from, _)) in sums.iter().enumerate() {
            for &(to, sum) in sums.get(index..).unwrap_or_default() {
                let refilled = (to - from) * u64::from(requests) * 1_000 / u64::from(period);
                let most = u64::from(burst) * 1_000 + refilled;
                scene.ensure(
                    format_args!("what {limit} admitted from {from} to {to}"),
                    sum - before <= most,
                    format_args!("at most {most} milli"),
                    sum - before,
                )?;
            }
            before = sums.get(index).map_or(0, |&(_, sum)| sum);
        }
        scene.ensure(
            "what was admitted in all",
            sum >= u64::from(burst) * 1_000,
            "at least the burst",
            sum,
        )?;
    }
    Ok(Tested::InFull)
}

/// No client starves that asks often: one that each millisecond asks until it is denied gets more
/// than its burst and the whole refill, less one check.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_client_that_polls_does_not_starve(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_client_that_polls_does_not_starve", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for (requests, period, burst, cost) in [
        (700, 1_000_u32, 2, 1_000_u64),
        (3, 7, 5, 1_000),
        (3, 1_000, 2, 1_000),
        // Less than a thousandth of a request each millisecond.
        (1, 1_999, 1, 1),
        (1, 1_999, 2, 250),
        (1, 7_001, 1, 3),
    ] {
        let limit = scene.bucket(requests, MILLISECOND * period, burst)?;
        let subject = scene.subject(format_args!("{limit} by {cost}"));
        let mut admitted = 0;
        let lasts = 1_500;
        for millisecond in 0..=lasts {
            // The first takes the burst at once, then each takes what there is.
            let mut cost = if millisecond == 0 {
                limit.capacity().as_milli()
            } else {
                cost
            };
            while subject.check(limit, Cost::milli(cost)).await?.is_allowed() {
                admitted += cost;
                cost = cost.min(limit.capacity().as_milli());
            }
            clock.advance(MILLISECOND);
        }
        let refilled = lasts * u64::from(requests) * 1_000;
        let whole = u64::from(burst) * 1_000 * u64::from(period) + refilled;
        scene.ensure(
            format_args!("what {limit} admitted in {lasts} ms by checks of {cost} milli"),
            (admitted + cost) * u64::from(period) > whole,
            format_args!("more than {} milli", (whole / u64::from(period)) - cost),
            admitted,
        )?;
    }
    Ok(Tested::InFull)
}

/// The refill drifts nowhere: a client that has used up the burst and comes back whenever it is
/// told to is admitted for the `n`th time exactly when the rate has refilled `n` times its cost,
/// to the millisecond, at one request in 366 days and at the fastest rates, and however often it
/// asks in between.
///
/// # Errors
///
/// The [`Violation`].
pub async fn the_refill_of_a_bucket_drifts_nowhere(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("the_refill_of_a_bucket_drifts_nowhere", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for (requests, period, burst, cost) in [
        (1, 366 * DAY, 1, 1_000_u64),
        (1, 366 * DAY, 1, 1),
        (1, 366 * DAY, 99, 700),
        (7, 366 * DAY - MILLISECOND, 2, 333),
        (700, SECOND, 10, 1_000),
        (3, 7 * MILLISECOND, 5, 1_250),
        (999_999_937, SECOND, 1_000_000_000, 7_777_777),
        (1_000_000_000, 366 * DAY - MILLISECOND, 2_000, 1_999),
        (1_000_000_000, MILLISECOND, 1_000_000_000, 1_000_000_000_000),
    ] {
        let limit = scene.bucket(requests, period, burst)?;
        let subject = scene.subject(format_args!("{limit} by {cost}"));
        clock.set(at(START));
        let _ = subject.check(limit, limit.capacity()).await?;
        let number = u128::from(requests) * 1_000;
        for time in 1..=60_u128 {
            let due = (time * u128::from(cost) * period.as_millis()).div_ceil(number);
            let due = at(START + u64::try_from(due).unwrap_or(u64::MAX));
            let what = format!("admission {time} of checks of {cost} milli under {limit}");
            comes_back_at(&scene, &subject, limit, Cost::milli(cost), due, &what).await?;
        }
    }
    Ok(Tested::InFull)
}

/// Asks at once, halfway, and when it is told to: not before, and not later than it is due.
async fn comes_back_at(
    scene: &Scene,
    subject: &Subject,
    limit: Limit,
    cost: Cost,
    due: fastlimit_core::Timestamp,
    what: &str,
) -> Result<(), Violation> {
    let Some(clock) = scene.clock() else {
        return Ok(());
    };
    for _ in 0..2 {
        let now = scene.now().await?;
        if now >= due {
            break;
        }
        let decision = subject.check(limit, cost).await?;
        let wait = scene.wait_of(format_args!("{what}, at {now}, due at {due}"), &decision)?;
        scene.equal(
            format_args!("when {what} is to come back"),
            now.saturating_add(wait),
            due,
        )?;
        let halfway = wait / 2;
        let millis = u64::try_from(halfway.as_millis()).unwrap_or(0);
        clock.advance(Duration::from_millis(millis));
    }
    clock.set(due);
    let decision = subject.check(limit, cost).await?;
    scene.allowed(format_args!("{what}, when it is due"), &decision)
}

/// A refund is taken from the level, whatever time it names: a bucket has no windows. It lowers
/// the level to nothing at most, and saves nothing up for later.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_refund_lowers_the_level_of_a_bucket(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_refund_lowers_the_level_of_a_bucket", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    let limit = scene.bucket(60, MINUTE, 10)?;
    for (case, charged_at) in [0, START - 1, START, START + 90_000, u64::MAX]
        .into_iter()
        .enumerate()
    {
        let subject = scene.subject(case);
        clock.set(at(START));
        let _ = subject.check(limit, Cost::requests(10)).await?;
        clock.advance(2_500 * MILLISECOND);
        for (cost, left) in [(1_500, 4_000), (1, 4_001), (6_000, 10_000), (1, 10_000)] {
            let decision = subject
                .refund(limit, Cost::milli(cost), at(charged_at))
                .await?;
            let what = format!("a refund of {cost} milli of {limit} charged at {charged_at}");
            scene.allowed(&what, &decision)?;
            scene.remains(what, &decision, left)?;
        }
        // Nothing is saved up for later.
        clock.advance(HOUR);
        let decision = subject.check(limit, Cost::requests(10)).await?;
        scene.allowed("a check of the burst after the refunds", &decision)?;
        let decision = subject.check(limit, Cost::milli(1)).await?;
        scene.denied("a check of more than the burst", &decision)?;
    }
    Ok(Tested::InFull)
}

/// No debt takes more than 36,525 days to drain: a level saturates at what drains in that time
/// under the limit of the request, when it is charged, and when it is read under a rate that was
/// lowered since.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_level_saturates_at_what_drains_in_a_hundred_years(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "a_level_saturates_at_what_drains_in_a_hundred_years";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    let fast = scene.bucket(1_000_000_000, 366 * DAY, 1_000_000_000)?;
    for (case, requests) in [1, 2, 700, 1_000_000_000].into_iter().enumerate() {
        let limit = scene.bucket(requests, 366 * DAY, 1)?;
        let number = u128::from(requests) * 1_000;
        let period = limit.rate().period().as_millis();
        let most = (number * LONGEST_DRAIN / period).min(u128::from(Cost::MAX.as_milli()));
        let drains = Duration::from_millis(
            u64::try_from((most * period).div_ceil(number)).unwrap_or(u64::MAX),
        );
        let debtor = scene.subject(format_args!("{case} charged"));
        for _ in 0..3 {
            let decision = debtor.charge(limit, Cost::MAX).await?;
            let what = format!("a charge of any number under {limit}");
            scene.allowed(&what, &decision)?;
            scene.equal(
                format_args!("reset_after of {what}"),
                decision.reset_after(),
                drains,
            )?;
        }
        let all_but_one = Cost::milli(u64::try_from(most - 1).unwrap_or(u64::MAX));
        let decision = debtor.refund(limit, all_but_one, at(START)).await?;
        scene.remains("a refund of all but 0.001", &decision, 999)?;

        // Read before it leaks: a day later, less than that is left of what there can be.
        let lowered = scene.subject(format_args!("{case} lowered"));
        clock.set(at(START));
        let _ = lowered.charge(fast, Cost::MAX).await?;
        clock.advance(DAY);
        let decision = lowered.usage(limit).await?;
        let left = if most == u128::from(Cost::MAX.as_milli()) {
            // All of a rate that was not lowered.
            let millis = (most * period).div_ceil(number);
            Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
        } else {
            drains
        };
        scene.equal(
            format_args!("reset_after of {fast} in debt, a day after it was lowered to {limit}"),
            decision.reset_after(),
            left.saturating_sub(DAY),
        )?;
        clock.set(at(START));
        for subject in [debtor, lowered] {
            // On a server, it would stay for a hundred years.
            let _ = subject.reset(limit).await?;
        }
    }
    Ok(Tested::InFull)
}

/// At a rate of 0 there is no bucket: whatever costs is denied for ever, whatever the burst,
/// charges and refunds change nothing, nothing has a time of its own, and what was stored waits
/// for the day when the rate comes back.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_rate_of_zero_keeps_the_record_of_a_bucket(factory: &dyn StoreFactory) -> LawResult {
    let law = "a_rate_of_zero_keeps_the_record_of_a_bucket";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    let (limit, zero) = (scene.bucket(6, MINUTE, 6)?, scene.bucket(0, MINUTE, 9)?);
    let subject = scene.subject("paused");
    let _ = subject.check(limit, Cost::requests(5)).await?;
    let before = subject.state().await?;
    for back in [Duration::ZERO, 10 * SECOND, MINUTE] {
        clock.set(at(START));
        clock.step_back(back);
        let now = scene.now().await?;
        for decision in [
            subject.check(zero, Cost::milli(1)).await?,
            subject.peek(zero, Cost::requests(6)).await?,
            subject.check(zero, Cost::ZERO).await?,
            subject.charge(zero, Cost::requests(3)).await?,
            subject.refund(zero, Cost::requests(3), at(START)).await?,
        ] {
            let what = format!("{zero} {back:?} before the time of what is stored");
            scene.remains(&what, &decision, 0)?;
            scene.equal(
                format_args!("charged_at of {what}"),
                decision.charged_at(),
                now,
            )?;
            scene.equal(
                format_args!("reset_after of {what}"),
                decision.reset_after(),
                Duration::ZERO,
            )?;
            scene.equal(
                format_args!("retry_after of {what}"),
                decision.retry_after(),
                None,
            )?;
        }
        let decision = subject.check(zero, Cost::milli(1)).await?;
        scene.denied(format_args!("a check of 0.001 of {zero}"), &decision)?;
        let after = subject.state().await?;
        let what = format!("what is stored after requests under {zero}");
        scene.equal(what, after, before.clone())?;
    }
    clock.set(at(START + 10_000));
    let decision = subject.usage(limit).await?;
    let what = format!("{limit} back from {zero}, with 5 in use 10 s ago");
    scene.remains(what, &decision, 2_000)?;
    Ok(Tested::InFull)
}

/// A changed burst, or a raised rate, keeps what is in use: an upgrade is seen at once and is no
/// fresh burst, a burst that is lowered below what is in use leaves nothing, and says truly when
/// to come back.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_changed_burst_keeps_the_level(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_changed_burst_keeps_the_level", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    let subject = scene.subject("of many tiers");
    let limit = scene.bucket(60, MINUTE, 10)?;
    let _ = subject.check(limit, Cost::requests(8)).await?;
    for (requests, burst, left) in [
        (60, 10, 2_000),
        (60, 9, 1_000),
        (60, 8, 0),
        (60, 1, 0),
        (60, 1_000_000, 999_992_000),
        (120, 12, 4_000),
    ] {
        let changed = scene.bucket(requests, MINUTE, burst)?;
        let decision = subject.usage(changed).await?;
        let what = format!("{limit} with 8 in use, changed to {changed}");
        scene.remains(&what, &decision, left)?;
        let more = Cost::milli(left + 1);
        let decision = subject.check(changed, more).await?;
        scene.denied(format_args!("a check of {more} of {what}"), &decision)?;
        if let Some(wait) = decision.retry_after() {
            clock.advance(wait - MILLISECOND);
            let decision = subject.peek(changed, more).await?;
            scene.denied(format_args!("1 ms early, {what}"), &decision)?;
            clock.advance(MILLISECOND);
            let decision = subject.peek(changed, more).await?;
            scene.allowed(format_args!("after the wait, {what}"), &decision)?;
            clock.set(at(START));
        }
    }
    // A second later, one has come back at the old rate and two at twice that.
    clock.advance(SECOND);
    for (requests, left) in [(60, 3_000), (120, 4_000)] {
        let decision = subject.usage(scene.bucket(requests, MINUTE, 10)?).await?;
        scene.remains(
            format_args!("8 of 10 a second later at {requests}/minute"),
            &decision,
            left,
        )?;
    }
    Ok(Tested::InFull)
}
