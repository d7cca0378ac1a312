//! Peeks and charges, and what all operations have in common.

use fastlimit_core::store::{Operation, Reply};
use fastlimit_core::{Algorithm, Cost};

use crate::scene::{MILLISECOND, Scene, untimed};
use crate::{LawResult, StoreFactory, Tested};

/// A peek answers what a check of that cost would, in every field.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_peek_answers_as_the_check_would(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_peek_answers_as_the_check_would", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let policies = [
            scene.policy(&[(5, short)])?,
            scene.policy(&[(5, short), (7, long)])?,
            scene.policy(&[(7, long), (0, short)])?,
        ];
        for (index, policy) in policies.iter().enumerate() {
            for used in [0, 1, 3_000, 5_000, 9_000] {
                for cost in [0, 1, 2_000, 5_000, 5_001, 7_001] {
                    let subject = scene.subject(format_args!("{index} {used} {cost}"));
                    let cost = Cost::milli(cost);
                    let _ = subject.charge(policy, Cost::milli(used)).await?;
                    let peek = subject.peek(policy, cost).await?;
                    let check = subject.check(policy, cost).await?;
                    let what = format!("a peek of {cost} with {used} milli of {policy} in use");
                    if scene.clock().is_some() {
                        scene.equal(what, peek, check)?;
                    } else {
                        scene.equal(what, untimed(&peek), untimed(&check))?;
                    }
                }
            }
        }
    }
    Ok(match scene.clock() {
        Some(_) => Tested::InFull,
        None => Tested::InPart {
            missing: "it takes a manual clock to compare times",
        },
    })
}

/// A peek takes nothing: what it was told would pass does pass, however often it peeked.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_peek_takes_nothing(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_peek_takes_nothing", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let policy = scene.policy(&[(6, short), (8, long)])?;
        let subject = scene.subject("curious");
        for (used, all) in [(0, 6_000), (2_000, 4_000)] {
            let _ = subject.check(&policy, Cost::milli(used)).await?;
            for _ in 0..5 {
                let decision = subject.peek(&policy, Cost::milli(all)).await?;
                let what = format!("a peek of all that is left of {policy}");
                scene.allowed(&what, &decision)?;
                scene.remains(what, &decision, 0)?;
            }
            let decision = subject.usage(&policy).await?;
            scene.remains(format_args!("{policy} after five peeks"), &decision, all)?;
        }
        let decision = subject.check(&policy, Cost::requests(4)).await?;
        scene.allowed("a check of what the peeks left", &decision)?;
    }
    Ok(scene.tried_by_algorithm())
}

/// A charge is recorded even past the capacity, which is what a cost that is known only
/// afterwards needs; the debt denies whatever costs until the window ends, and does not carry
/// over into the next.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_charge_goes_past_the_capacity(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_charge_goes_past_the_capacity", factory).await?;
    let period = scene.quiet_period().await?;
    let limit = scene.limit(5, period)?;
    let subject = scene.subject("in debt");
    for (requests, left) in [(2, 3_000), (3, 0), (1, 0), (20, 0)] {
        let decision = subject.charge(limit, Cost::requests(requests)).await?;
        let what = format!("a charge of {requests} under {limit}");
        scene.allowed(&what, &decision)?;
        scene.remains(what, &decision, left)?;
    }
    let denied = subject.check(limit, Cost::milli(1)).await?;
    let wait = scene.wait_of("a check in debt", &denied)?;
    // 26 are in use, so only 4 are left when 25 have come back.
    let decision = subject
        .refund(limit, Cost::requests(25), denied.now())
        .await?;
    scene.remains(
        "a refund of 25 of the 26 that were charged",
        &decision,
        4_000,
    )?;
    let Some(clock) = scene.clock() else {
        return Ok(Tested::InPart {
            missing: "it takes a manual clock to see the next window",
        });
    };
    let _ = subject.charge(limit, Cost::requests(25)).await?;
    clock.advance(wait - MILLISECOND);
    let decision = subject.check(limit, Cost::milli(1)).await?;
    scene.denied(
        "a check in debt in the last millisecond of the window",
        &decision,
    )?;
    clock.advance(MILLISECOND);
    let decision = subject.check(limit, Cost::requests(5)).await?;
    scene.allowed(
        "a check of everything in the window after a debt",
        &decision,
    )?;
    Ok(Tested::InFull)
}

/// The usage of a window and of a log saturates at 2^41 thousandths of a request: charges of any
/// number overflow nothing, and a refund of that much gives everything back.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn usage_saturates(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("usage_saturates", factory).await?;
    for scene in scene.by_algorithm() {
        if scene.algorithm() == Algorithm::TokenBucket {
            // Saturates at what drains in time, a law of its own.
            continue;
        }

        let [short, long, ..] = scene.quiet_periods().await?;
        for limits in [
            vec![(5, short)],
            vec![(0, short)],
            vec![(scene.most_requests(), short), (7, long)],
        ] {
            let policy = scene.policy(&limits)?;
            let subject = scene.subject(&policy);
            let most = Cost::milli(u64::MAX);
            // All of it is charged at once, since a log gives back what was charged at one time.
            let first = subject.charge(&policy, most).await?;
            for more in [Cost::milli(1), most, most] {
                let charged = subject.charge(&policy, more).await?;
                let what = format!("a charge of {more} more than any number under {policy}");
                scene.allowed(&what, &charged)?;
                scene.remains(what, &charged, 0)?;
            }
            let refund = Cost::milli(most.as_milli() - 1);
            let decision = subject.refund(&policy, refund, first.charged_at()).await?;
            for (limit, status) in policy.limits().iter().zip(decision.limits()) {
                scene.equal(
                    format_args!("what remains of {limit} after a refund of all but 0.001"),
                    status.remaining_cost().as_milli(),
                    limit.capacity().as_milli().saturating_sub(1),
                )?;
            }
        }
    }
    Ok(Tested::InFull)
}

/// Charges, refunds and resets are allowed always: with nothing left, in debt, and under a
/// limit of zero.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn charges_refunds_and_resets_are_always_allowed(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "charges_refunds_and_resets_are_always_allowed";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        for limits in [
            vec![(2, short)],
            vec![(0, short)],
            vec![(0, short), (2, long)],
        ] {
            let policy = scene.policy(&limits)?;
            let subject = scene.subject(&policy);
            for cost in [Cost::ZERO, Cost::ONE, Cost::requests(2), Cost::MAX] {
                let charged_at = scene.now().await?;
                for operation in [
                    Operation::Charge(cost),
                    Operation::Charge(cost),
                    Operation::Refund { cost, charged_at },
                    Operation::Charge(Cost::MAX),
                    Operation::Reset,
                ] {
                    let decision = subject.apply(&policy, operation).await?;
                    scene.allowed(format_args!("{operation:?} under {policy}"), &decision)?;
                }
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// A store that [promises](fastlimit_core::Store::answers_at_once) to answer at once does so for
/// every operation, and whether it is allowed or denied: callers that trust in it cannot wait for a
/// reply, and so never learn what became of their check.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_promise_to_answer_at_once_is_kept(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_promise_to_answer_at_once_is_kept", factory).await?;
    let promising: Vec<_> = (0..scene.instance_count())
        .filter(|&instance| scene.answers_at_once(instance))
        .collect();
    if promising.is_empty() {
        return Ok(Tested::NotTested {
            why: "the store does not promise to answer at once",
        });
    }
    for scene in scene.by_every_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        for limits in [vec![(1, short)], vec![(1, short), (2, long)]] {
            let policy = scene.policy(&limits)?;
            let charged_at = scene.now().await?;
            for &instance in &promising {
                let subject = scene.subject(format_args!("{policy} by {instance}"));
                let subject = subject.through(instance);
                let refund = Operation::Refund {
                    cost: Cost::requests(2),
                    charged_at,
                };
                for (operation, is_allowed) in [
                    (Operation::Peek(Cost::ONE), true),
                    (Operation::Check(Cost::ONE), true),
                    (Operation::Peek(Cost::ONE), false),
                    (Operation::Check(Cost::ONE), false),
                    (Operation::Check(Cost::MAX), false),
                    (Operation::Check(Cost::ZERO), true),
                    (Operation::Charge(Cost::ONE), true),
                    (refund, true),
                    (Operation::Reset, true),
                    (Operation::Check(Cost::ONE), true),
                ] {
                    let what = format!("{operation:?} under {policy}");
                    match subject.send(&policy, operation)? {
                        Reply::Ready(Ok(decision)) => {
                            scene.equal(what, decision.is_allowed(), is_allowed)?;
                        }
                        Reply::Ready(Err(error)) => {
                            return Err(scene.violation(what, "an answer", error));
                        }
                        Reply::Pending(_) => {
                            let expected = "an answer at once, as the store promises";
                            return Err(scene.violation(what, expected, "a reply to wait for"));
                        }
                    }
                }
            }
        }
    }
    Ok(Tested::InFull)
}
