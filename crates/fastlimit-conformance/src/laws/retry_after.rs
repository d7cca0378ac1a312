//! When to come back, when the next passes, and when all of it is back.

use std::time::Duration;

use fastlimit_core::store::Operation;
use fastlimit_core::{Cost, Decision, LimitStatus, Policy};

use crate::scene::{DAY, HOUR, MILLISECOND, MINUTE, SECOND, START, Scene, Subject, at};
use crate::{LawResult, StoreFactory, Tested, Violation};

/// A check that is denied for a while is told how long: after that time the same check passes,
/// one millisecond before it does not, and at any later time it passes.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_denied_check_passes_after_retry_after_and_not_before(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "a_denied_check_passes_after_retry_after_and_not_before";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            passes_after_sleeping(&scene).await?;
            return Ok(Tested::InPart {
                missing: "it takes a manual clock to come a millisecond early",
            });
        };
        let mut case = 0;
        for limits in [
            vec![(1, MILLISECOND)],
            vec![(2, 7 * MILLISECOND)],
            vec![(3, SECOND)],
            vec![(5, MINUTE)],
            vec![(2, 30 * DAY)],
            vec![(2, SECOND), (3, MINUTE)],
            vec![(3, HOUR), (2, SECOND)],
            vec![(4, MINUTE), (4, 90 * SECOND), (4, DAY)],
        ] {
            let policy = scene.policy(&limits)?;
            for (used, cost) in [(2_000, 1_000), (1_000, 1), (1_500, 700), (9_000, 250)] {
                for offset in [0, 1, 6, 999, 30_000, 59_999] {
                    case += 1;
                    clock.set(at(START + offset));
                    let subject = scene.subject(case);
                    let _ = subject.charge(&policy, Cost::milli(used)).await?;
                    let cost = Cost::milli(cost);
                    let denied = subject.check(&policy, cost).await?;
                    if !denied.is_allowed() {
                        let what =
                            format!("a check of {cost} with {used} milli of {policy} in use");
                        let wait = scene.wait_of(&what, &denied)?;
                        comes_back(&scene, &subject, &policy, cost, wait).await?;
                    }
                }
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

async fn comes_back(
    scene: &Scene,
    subject: &Subject,
    policy: &Policy,
    cost: Cost,
    wait: Duration,
) -> Result<(), Violation> {
    scene.ensure("the wait", !wait.is_zero(), "at least a millisecond", wait)?;
    scene.pass(wait - MILLISECOND).await?;
    let decision = subject.peek(policy, cost).await?;
    let what = format!("a peek of {cost} under {policy} 1 ms before the wait of {wait:?} is over");
    scene.denied(what, &decision)?;
    let decision = subject.check(policy, cost).await?;
    let what = format!("a check of {cost} under {policy} 1 ms before the wait of {wait:?} is over");
    let rest = scene.wait_of(&what, &decision)?;
    scene.equal(what, rest, MILLISECOND)?;

    scene.pass(MILLISECOND).await?;
    let decision = subject.peek(policy, cost).await?;
    let what = format!("a peek of {cost} under {policy} after the wait of {wait:?}");
    scene.allowed(what, &decision)?;
    scene.pass(wait / 3).await?;
    let decision = subject.check(policy, cost).await?;
    let what = format!("a check of {cost} under {policy} later than the wait of {wait:?}");
    scene.allowed(what, &decision)
}

async fn passes_after_sleeping(scene: &Scene) -> Result<(), Violation> {
    let limit = scene.limit(2, 300 * MILLISECOND)?;
    let subject = scene.subject("patient");
    for _ in 0..3 {
        // Where the window ends meanwhile, nothing is denied.
        let mut decision = subject.check(limit, Cost::ONE).await?;
        while decision.is_allowed() {
            decision = subject.check(limit, Cost::ONE).await?;
        }
        let wait = scene.wait_of("the first check that is denied", &decision)?;
        scene.pass(wait).await?;
        let decision = subject.check(limit, Cost::ONE).await?;
        scene.allowed(
            format_args!("a check after the wait of {wait:?}"),
            &decision,
        )?;
    }
    Ok(())
}

/// A denial says that waiting never helps exactly when the check costs more than the capacity
/// of one of its limits.
///
/// # Errors
///
/// The [`Violation`].
pub async fn there_is_no_retry_after_exactly_when_waiting_never_helps(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "there_is_no_retry_after_exactly_when_waiting_never_helps";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        for (name, limits, costs_that_never_pass) in [
            ("one", vec![(5, short)], 5_001),
            ("two", vec![(5, short), (9, long)], 5_001),
            ("two turned", vec![(9, short), (5, long)], 5_001),
            ("zero", vec![(5, short), (0, long)], 1),
        ] {
            let policy = scene.policy(&limits)?;
            let subject = scene.subject(name);
            let _ = subject.charge(&policy, Cost::requests(9)).await?;
            for cost in [1, 4_999, 5_000, 5_001, 9_000, 9_001, u64::MAX] {
                let never = cost >= costs_that_never_pass;
                let cost = Cost::milli(cost);
                let decision = subject.check(&policy, cost).await?;
                let what = format!("a check of {cost} with nothing left of {policy}");
                scene.denied(&what, &decision)?;
                scene.equal(
                    format_args!("whether there is no retry_after for {what}"),
                    decision.retry_after().is_none(),
                    never,
                )?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// An answer that allows tells when the next of its cost passes: after that time it does, and one
/// millisecond before it does not. A peek foretells what the check says, and a denial tells its wait.
///
/// # Errors
///
/// The [`Violation`].
pub async fn the_next_of_a_cost_passes_after_next_after_and_not_before(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "the_next_of_a_cost_passes_after_next_after_and_not_before";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            next_passes_after_sleeping(&scene).await?;
            return Ok(Tested::InPart {
                missing: "it takes a manual clock to come a millisecond early",
            });
        };
        let mut case = 0;
        for limits in [
            vec![(3, SECOND)],
            vec![(5, MINUTE)],
            vec![(2, 7 * MILLISECOND)],
            vec![(2, 30 * DAY)],
            vec![(2, SECOND), (3, MINUTE)],
            vec![(3, HOUR), (2, SECOND)],
        ] {
            let policy = scene.policy(&limits)?;
            for (used, cost) in [(0, 2_000), (0, 1_500), (1_000, 1_000), (1_200, 700), (0, 1)] {
                for offset in [0, 1, 999, 30_000, 59_999] {
                    case += 1;
                    clock.set(at(START + offset));
                    let subject = scene.subject(case);
                    let _ = subject.charge(&policy, Cost::milli(used)).await?;
                    clock.advance(MILLISECOND);
                    let cost = Cost::milli(cost);
                    let foretold = subject.peek(&policy, cost).await?;
                    let decision = subject.check(&policy, cost).await?;
                    let what = format!("a check of {cost} with {used} milli of {policy} in use");
                    scene.equal(
                        format_args!("next_after in a peek, as in {what}"),
                        foretold.next_after(),
                        decision.next_after(),
                    )?;
                    next_passes(&scene, &subject, &policy, cost, &decision).await?;
                }
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

async fn next_passes(
    scene: &Scene,
    subject: &Subject,
    policy: &Policy,
    cost: Cost,
    decision: &Decision,
) -> Result<(), Violation> {
    let what = format!("the next of {cost} under {policy}");
    if !decision.is_allowed() {
        return scene.equal(what, decision.next_after(), decision.retry_after());
    }
    let Some(wait) = decision.next_after() else {
        let found = format_args!("{decision:?}");
        return Err(scene.violation(what, "to pass some day", found));
    };
    if wait.is_zero() {
        let next = subject.peek(policy, cost).await?;
        return scene.allowed(format_args!("{what}, which passes at once"), &next);
    }
    comes_back(scene, subject, policy, cost, wait).await
}

async fn next_passes_after_sleeping(scene: &Scene) -> Result<(), Violation> {
    let limit = scene.limit(2, 300 * MILLISECOND)?;
    let subject = scene.subject("steady");
    for _ in 0..3 {
        let decision = subject.check(limit, Cost::requests(2)).await?;
        scene.allowed("a check of everything", &decision)?;
        let wait = decision.next_after().unwrap_or_default();
        scene.ensure("its next_after", !wait.is_zero(), "some time", &decision)?;
        scene.pass(wait).await?;
    }
    Ok(())
}

/// There is no next exactly when what was charged costs more than the capacity of one of the limits.
/// What costs nothing passes at once.
///
/// # Errors
///
/// The [`Violation`].
pub async fn there_is_no_next_after_exactly_when_waiting_never_helps(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "there_is_no_next_after_exactly_when_waiting_never_helps";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        for (name, limits, capacity) in [
            ("one", vec![(5, short)], 5_000),
            ("two", vec![(9, short), (5, long)], 5_000),
            ("zero", vec![(5, short), (0, long)], 0),
        ] {
            let policy = scene.policy(&limits)?;
            let subject = scene.subject(name);
            for cost in [0, 1, 4_999, 5_000, 5_001, 9_001, u64::MAX] {
                let milli = Cost::milli(cost);
                let charged = subject.charge(&policy, milli).await?;
                let refund = Operation::Refund {
                    cost: milli,
                    charged_at: charged.charged_at(),
                };
                let refunded = subject.apply(&policy, refund).await?;
                for (what, decision) in [("a charge", &charged), ("a refund", &refunded)] {
                    scene.equal(
                        format_args!("whether there is no next of {what} of {milli} of {policy}"),
                        decision.next_after().is_none(),
                        cost > capacity,
                    )?;
                }
            }
            let _ = subject.charge(&policy, Cost::requests(9)).await?;
            for operation in [Operation::Peek(Cost::ZERO), Operation::Reset] {
                let decision = subject.apply(&policy, operation).await?;
                scene.equal(
                    format_args!("the next_after of {operation:?}, which costs nothing"),
                    decision.next_after(),
                    Some(Duration::ZERO),
                )?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// After `reset_after` every limit is as good as new, a millisecond before that one is not.
///
/// # Errors
///
/// The [`Violation`].
pub async fn reset_after_is_true(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("reset_after_is_true", factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            let limit = scene.limit(3, 200 * MILLISECOND)?;
            let subject = scene.subject("patient");
            let decision = subject.charge(limit, Cost::requests(7)).await?;
            scene.pass(decision.reset_after()).await?;
            let decision = subject.check(limit, Cost::requests(3)).await?;
            scene.allowed("a check of everything after reset_after", &decision)?;
            return Ok(Tested::InPart {
                missing: "it takes a manual clock to come a millisecond early",
            });
        };
        for (case, limits) in [
            vec![(3, MILLISECOND)],
            vec![(3, SECOND)],
            vec![(3, MINUTE)],
            vec![(3, SECOND), (4, MINUTE)],
            vec![(5, 30 * DAY), (4, SECOND), (6, HOUR)],
        ]
        .iter()
        .enumerate()
        {
            let policy = scene.policy(limits)?;
            for (used, offset) in [(1_000, 0), (3_000, 1), (1, 999), (8_000, 30_500)] {
                clock.set(at(START + offset));
                let subject = scene.subject(format_args!("{case} {used}"));
                let charged = subject.charge(&policy, Cost::milli(used)).await?;
                let denied = subject.check(&policy, Cost::requests(7)).await?;
                let what = format!("reset_after with {used} milli of {policy} in use");
                let wait = charged.reset_after();
                scene.equal(
                    format_args!("{what}, in a denial"),
                    denied.reset_after(),
                    wait,
                )?;
                let longest = charged.limits().iter().map(LimitStatus::reset_after);
                scene.equal(
                    format_args!("{what}, the longest of the limits"),
                    longest.max(),
                    Some(wait),
                )?;
                scene.ensure(&what, !wait.is_zero(), "at least a millisecond", wait)?;

                let full = |decision: &Decision| {
                    let limits = policy.limits().iter().zip(decision.limits());
                    limits
                        .map(|(limit, status)| status.remaining_cost() == limit.capacity())
                        .collect::<Vec<_>>()
                };
                clock.advance(wait - MILLISECOND);
                let decision = subject.usage(&policy).await?;
                scene.ensure(
                    format_args!("{what}, a millisecond early"),
                    full(&decision).contains(&false),
                    "a limit that is not as good as new",
                    &decision,
                )?;
                clock.advance(MILLISECOND);
                let decision = subject.usage(&policy).await?;
                scene.ensure(
                    format_args!("{what}, when it is over"),
                    !full(&decision).contains(&false),
                    "every limit as good as new",
                    &decision,
                )?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}
