//! Windows and clocks.

use fastlimit_core::store::Operation;
use fastlimit_core::{Algorithm, Cost};

use crate::scene::{DAY, HOUR, MILLISECOND, MINUTE, SECOND, START, Scene, at, time_left};
use crate::{LawResult, StoreFactory, Tested};

const NEEDS_A_CLOCK: Tested = Tested::NotTested {
    why: "it takes a manual clock",
};

/// Windows are aligned to the Unix epoch, not to the first request: a window of a period ends
/// where the time is a multiple of it.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn windows_are_aligned_to_the_epoch(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("windows_are_aligned_to_the_epoch", factory).await?;
    let periods = [
        MILLISECOND,
        7 * MILLISECOND,
        SECOND,
        7 * SECOND,
        MINUTE,
        61 * MINUTE,
        DAY,
        7 * DAY,
        366 * DAY,
    ];
    for offset in [0, 1, 17_345] {
        if let Some(clock) = scene.clock() {
            clock.set(at(START + offset));
        }
        for period in periods {
            let limit = scene.limit(3, period)?;
            let subject = scene.subject(format_args!("{period:?} {offset}"));
            for operation in [Operation::Peek(Cost::ZERO), Operation::Check(Cost::ONE)] {
                let decision = subject.apply(limit, operation).await?;
                scene.equal(
                    format_args!("reset_after of {limit} at {}", decision.now()),
                    decision.reset_after(),
                    time_left(decision.now(), period),
                )?;
            }
        }
    }
    Ok(Tested::InFull)
}

/// A window lasts to the millisecond: what is denied in the last of it passes in the next, and
/// what was used up in one is whole in the next.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn windows_end_to_the_millisecond(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("windows_end_to_the_millisecond", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for period in [
        MILLISECOND,
        2 * MILLISECOND,
        7 * MILLISECOND,
        SECOND,
        1_001 * MILLISECOND,
        MINUTE,
        DAY,
        366 * DAY,
    ] {
        clock.set(at(START));
        let limit = scene.limit(2, period)?;
        let subject = scene.subject(format_args!("{period:?}"));
        for window in 0..3 {
            let decision = subject.check(limit, Cost::requests(2)).await?;
            let what = format!("a check of everything in window {window} of {limit}");
            scene.allowed(&what, &decision)?;
            scene.remains(&what, &decision, 0)?;
            clock.advance(time_left(decision.now(), period) - MILLISECOND);
            let decision = subject.check(limit, Cost::milli(1)).await?;
            scene.denied(
                format_args!("a check in the last millisecond of window {window} of {limit}"),
                &decision,
            )?;
            clock.advance(MILLISECOND);
        }
    }
    Ok(Tested::InFull)
}

/// Every answer tells the time that it was given by, and the time to name in a refund, which is
/// the same unless the clock stepped back.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn answers_tell_the_time_that_was_used(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("answers_tell_the_time_that_was_used", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let policy = scene.policy(&[(2, short), (3, long)])?;
        let subject = scene.subject("punctual");
        let mut latest = at(0);
        for (step, operation) in [
            Operation::Peek(Cost::ONE),
            Operation::Check(Cost::ONE),
            Operation::Check(Cost::requests(9)),
            Operation::Charge(Cost::requests(5)),
            Operation::Check(Cost::ONE),
            Operation::Refund {
                cost: Cost::ONE,
                charged_at: scene.now().await?,
            },
            Operation::Check(Cost::ZERO),
            Operation::Reset,
        ]
        .into_iter()
        .enumerate()
        {
            if let Some(clock) = scene.clock() {
                clock.advance(17 * MILLISECOND);
                latest = scene.now().await?;
            }
            let decision = subject.through(step).apply(&policy, operation).await?;
            let what = format!("the time of {operation:?}");
            if scene.clock().is_some() {
                scene.equal(&what, decision.now(), latest)?;
            } else if scene.algorithm() == Algorithm::SlidingLog {
                // A log is dated to the millisecond, so it shows that a store reads a coarse clock
                // for some operations, which then seems to step back.
                let (now, charged_at) = (decision.now(), decision.charged_at());
                let expected = format!("{now} or a moment later");
                let holds = now <= charged_at && charged_at <= now.saturating_add(SECOND);
                scene.ensure(what, holds, expected, charged_at)?;
                continue;
            }
            scene.equal(what, decision.charged_at(), decision.now())?;
        }
    }
    Ok(match scene.clock() {
        Some(_) => Tested::InFull,
        None => Tested::InPart {
            missing: "it takes a manual clock to know the time",
        },
    })
}

/// A clock that steps back by no more than the grace (the lesser of one period and one minute)
/// hands out no fresh quota: the key stays in its later window, a bucket and a log at their
/// later time.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_clock_that_steps_back_gives_no_fresh_quota(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_clock_that_steps_back_gives_no_fresh_quota", factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            return Ok(NEEDS_A_CLOCK);
        };
        for period in [2 * MILLISECOND, SECOND, MINUTE, HOUR, 30 * DAY] {
            let grace = period.min(MINUTE);
            let limit = scene.limit(2, period)?;
            // An instant at which a window of this period begins.
            clock.set(at(START));
            let window = scene
                .now()
                .await?
                .saturating_add(time_left(at(START), period));
            for (case, step) in [MILLISECOND, grace / 2, grace].into_iter().enumerate() {
                clock.set(window);
                let subject = scene.subject(format_args!("{period:?} {case}"));
                let _ = subject.check(limit, Cost::ONE).await?;
                clock.step_back(step);
                let what = format!("{limit} when the clock has stepped back by {step:?}");
                let decision = subject.check(limit, Cost::ONE).await?;
                scene.allowed(format_args!("a check of the rest of {what}"), &decision)?;
                scene.remains(format_args!("a check of the rest of {what}"), &decision, 0)?;
                scene.equal(
                    format_args!("charged_at of {what}"),
                    decision.charged_at(),
                    window,
                )?;
                for decision in [
                    subject.peek(limit, Cost::ONE).await?,
                    subject.check(limit, Cost::ONE).await?,
                ] {
                    scene.denied(format_args!("one more than {what}"), &decision)?;
                    scene.remains(format_args!("one more than {what}"), &decision, 0)?;
                }
                clock.set(window);
                let decision = subject.check(limit, Cost::ONE).await?;
                scene.denied(format_args!("a check of {limit} later"), &decision)?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Waits hold when the clock has stepped back too: they count from its own, earlier time.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn waits_count_from_the_clock_that_stepped_back(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("waits_count_from_the_clock_that_stepped_back", factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            return Ok(NEEDS_A_CLOCK);
        };
        for (case, (requests, period, step)) in [
            (1, SECOND, 600 * MILLISECOND),
            (2, SECOND, SECOND),
            (3, MINUTE, MINUTE),
            (1, HOUR, MINUTE),
        ]
        .into_iter()
        .enumerate()
        {
            clock.set(at(START));
            let window = at(START).saturating_add(time_left(at(START), period));
            clock.set(window);
            let limit = scene.limit(requests, period)?;
            let subject = scene.subject(case);
            let _ = subject.check(limit, limit.capacity()).await?;
            let still = subject.check(limit, Cost::ONE).await?;
            let what = format!("a check of {limit} with nothing left");
            let still_waits = scene.wait_of(&what, &still)?;
            clock.step_back(step);
            let denied = subject.check(limit, Cost::ONE).await?;
            let what = format!("a check of {limit} when the clock has stepped back by {step:?}");
            scene.equal(
                format_args!("now of {what}"),
                denied.now(),
                window.saturating_sub(step),
            )?;
            let wait = scene.wait_of(&what, &denied)?;
            scene.equal(format_args!("the wait of {what}"), wait, still_waits + step)?;
            scene.equal(
                format_args!("reset_after of {what}"),
                denied.reset_after(),
                still.reset_after() + step,
            )?;
            clock.advance(wait - MILLISECOND);
            let early = subject.check(limit, Cost::ONE).await?;
            scene.denied(
                format_args!("1 ms before the end of the wait of {what}"),
                &early,
            )?;
            clock.advance(MILLISECOND);
            let decision = subject.check(limit, Cost::ONE).await?;
            scene.allowed(format_args!("at the end of the wait of {what}"), &decision)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// A clock that was wrong by years and is put right locks nobody out: a record that is dated
/// more than a period and a minute ahead is read as absent, one that is dated just that far
/// ahead is not.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_date_far_ahead_locks_nobody_out(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_date_far_ahead_locks_nobody_out", factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            return Ok(NEEDS_A_CLOCK);
        };
        for period in [SECOND, MINUTE, HOUR] {
            let limit = scene.limit(2, period)?;
            let ahead = at(START).saturating_add(3_650 * DAY);
            let ahead = ahead.saturating_add(time_left(ahead, period));
            clock.set(ahead);
            for (name, operation) in [
                ("check", Operation::Check(Cost::requests(2))),
                ("charge", Operation::Charge(Cost::MAX)),
            ] {
                let subject = scene.subject(format_args!("{name} {period:?}"));
                clock.set(ahead);
                let _ = subject.apply(limit, operation).await?;
                clock.set(at(START));
                for left in [1_000, 0] {
                    let decision = subject.check(limit, Cost::ONE).await?;
                    let what =
                        format!("a check of {limit} after a {name} by a clock ten years ahead");
                    scene.allowed(&what, &decision)?;
                    scene.remains(what, &decision, left)?;
                }
                let decision = subject.check(limit, Cost::ONE).await?;
                scene.denied("a check of more than that", &decision)?;
            }
            let furthest = ahead.saturating_sub(period + MINUTE);
            for (name, now, locked) in [
                ("a period and a minute", furthest, true),
                (
                    "a millisecond more",
                    furthest.saturating_sub(MILLISECOND),
                    false,
                ),
            ] {
                let subject = scene.subject(format_args!("{name} {period:?}"));
                clock.set(ahead);
                let _ = subject.check(limit, Cost::requests(2)).await?;
                clock.set(now);
                let decision = subject.check(limit, Cost::ONE).await?;
                scene.equal(
                    format_args!("whether {limit} is allowed with a record {name} ahead"),
                    decision.is_allowed(),
                    !locked,
                )?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// However long nobody asks, all of the capacity is back and no more, and counts as exactly as
/// the first time.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn years_between_requests_change_nothing(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("years_between_requests_change_nothing", factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            return Ok(NEEDS_A_CLOCK);
        };
        for period in [SECOND, HOUR, 30 * DAY] {
            clock.set(at(START));
            let limit = scene.limit(3, period)?;
            let subject = scene.subject(format_args!("{period:?}"));
            for years in [0, 1, 10, 100] {
                clock.advance(years * 366 * DAY);
                for left in [2_000, 1_000, 0] {
                    let decision = subject.check(limit, Cost::ONE).await?;
                    let what = format!("a check of {limit}, {years} years later");
                    scene.allowed(&what, &decision)?;
                    scene.remains(what, &decision, left)?;
                }
                let decision = subject.check(limit, Cost::ONE).await?;
                scene.denied(
                    format_args!("the fourth check of {limit}, {years} years later"),
                    &decision,
                )?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}
