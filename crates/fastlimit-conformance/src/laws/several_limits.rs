//! Limits that hold together: all or nothing, in one step.

use fastlimit_core::{Cost, Decision, LimitStatus};

use crate::scene::{MINUTE, SECOND, Scene, remaining};
use crate::{LawResult, StoreFactory, Tested, Violation};

/// A check is charged to all of its limits or to none: when one of them denies, the others are
/// as they were.
///
/// # Errors
///
/// The [`Violation`].
pub async fn several_limits_are_charged_all_or_none(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("several_limits_are_charged_all_or_none", factory).await?;
    for scene in scene.by_algorithm() {
        let [a, b, c, _] = scene.quiet_periods().await?;
        // The one that denies comes first, in the middle and last.
        for (case, limits) in [
            [(3, a), (10, b), (10, c)],
            [(10, a), (3, b), (10, c)],
            [(10, a), (10, b), (3, c)],
        ]
        .iter()
        .enumerate()
        {
            let policy = scene.policy(limits)?;
            let subject = scene.subject(case);
            let decision = subject.check(&policy, Cost::requests(2)).await?;
            scene.allowed(format_args!("a check of 2 under {policy}"), &decision)?;
            let left = numbers(limits, 2);
            scene.equal(
                "what remains of each limit",
                remaining(&decision),
                left.clone(),
            )?;
            for _ in 0..3 {
                let decision = subject.check(&policy, Cost::requests(2)).await?;
                scene.denied(
                    format_args!("a second check of 2 under {policy}"),
                    &decision,
                )?;
                let decision = subject.usage(&policy).await?;
                scene.equal(
                    format_args!("what remains of {policy} after a denial"),
                    remaining(&decision),
                    left.clone(),
                )?;
            }
            let decision = subject.check(&policy, Cost::ONE).await?;
            scene.allowed(format_args!("a check of 1 under {policy}"), &decision)?;
            scene.equal(
                "what remains of each limit",
                remaining(&decision),
                numbers(limits, 3),
            )?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// In a denied check each limit answers as it stands: those that would have allowed it say so,
/// with what they have left, uncharged.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_denied_check_shows_each_limit_as_it_stands(factory: &dyn StoreFactory) -> LawResult {
    let law = "a_denied_check_shows_each_limit_as_it_stands";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let [a, b, c, _] = scene.quiet_periods().await?;
        let policy = scene.policy(&[(9, a), (4, b), (2, c)])?;
        let subject = scene.subject("denied");
        let _ = subject.check(&policy, Cost::ONE).await?;
        for (cost, allows) in [
            (1_001, [true, true, false]),
            (3_500, [true, false, false]),
            (8_001, [false, false, false]),
        ] {
            let cost = Cost::milli(cost);
            for decision in [
                subject.peek(&policy, cost).await?,
                subject.check(&policy, cost).await?,
            ] {
                let what = format!("a check of {cost} with 1 of each of {policy} in use");
                scene.denied(&what, &decision)?;
                let found: Vec<bool> = decision
                    .limits()
                    .iter()
                    .map(LimitStatus::is_allowed)
                    .collect();
                scene.equal(
                    format_args!("which limits allow {what}"),
                    found,
                    allows.to_vec(),
                )?;
                scene.equal(
                    format_args!("what remains of each limit in {what}"),
                    remaining(&decision),
                    vec![8_000, 3_000, 1_000],
                )?;
                for (status, limit) in decision.limits().iter().zip(policy.limits()) {
                    let waits = !status.is_allowed() && cost <= limit.capacity();
                    scene.equal(
                        format_args!("whether {limit} tells when to come back in {what}"),
                        status.retry_after().is_some(),
                        waits,
                    )?;
                }
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Every limit is enforced all the time: the strict one that ends soon and the wide one that
/// lasts.
///
/// # Errors
///
/// The [`Violation`].
pub async fn every_limit_is_enforced(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("every_limit_is_enforced", factory).await?;
    let Some(clock) = scene.clock() else {
        let [short, long, ..] = scene.quiet_periods().await?;
        for limits in [[(3, short), (5, long)], [(5, short), (3, long)]] {
            let policy = scene.policy(&limits)?;
            let subject = scene.subject(&policy);
            let mut admitted = 0;
            for _ in 0..8 {
                admitted += u32::from(subject.check(&policy, Cost::ONE).await?.is_allowed());
            }
            scene.equal(format_args!("8 checks of {policy}"), admitted, 3)?;
        }
        return Ok(Tested::InPart {
            missing: "it takes a manual clock to see many windows",
        });
    };
    let policy = scene.policy(&[(2, SECOND), (5, MINUTE), (8, 60 * MINUTE)])?;
    let subject = scene.subject("busy");
    // Two a second until five of the minute are gone, and three of the next until eight of the
    // hour are.
    for (minute, by_second) in [[2, 2, 1, 0], [2, 1, 0, 0], [0, 0, 0, 0]]
        .iter()
        .enumerate()
    {
        for (second, expected) in by_second.iter().enumerate() {
            let mut admitted = 0;
            for _ in 0..4 {
                admitted += u32::from(subject.check(&policy, Cost::ONE).await?.is_allowed());
            }
            scene.equal(
                format_args!("4 checks of {policy} in second {second} of minute {minute}"),
                admitted,
                *expected,
            )?;
            clock.advance(SECOND);
        }
        clock.advance(MINUTE - 4 * SECOND);
    }
    Ok(Tested::InFull)
}

/// The answer for the whole follows from its limits: the least that remains, the longest
/// `reset_after`, the longest wait of those that deny (none if one of them never allows), and
/// as the one that binds the first denied one with the longest wait, else of those with least left
/// the first with the longest `next_after`.
///
/// # Errors
///
/// The [`Violation`].
pub async fn the_whole_follows_from_its_limits(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("the_whole_follows_from_its_limits", factory).await?;
    let [a, b, c, d] = scene.quiet_periods().await?;
    for (limits, cost, binding) in [
        // Allowed: the least left, the first of equals, since the next passes at once.
        (vec![(9, a), (4, b), (5, c)], 1_000, 1),
        (vec![(5, a), (5, b)], 1_000, 0),
        (vec![(5, d), (5, a), (5, c)], 0, 0),
        // Denied for good: by one, by the first of two.
        (vec![(9, a), (3, b), (9, d)], 4_000, 1),
        (vec![(9, a), (3, b), (2, c)], 4_000, 1),
        (vec![(3, d), (9, a), (2, c)], 4_000, 0),
    ] {
        let policy = scene.policy(&limits)?;
        let subject = scene.subject(format_args!("{policy} {cost}"));
        let decision = subject.check(&policy, Cost::milli(cost)).await?;
        whole(&scene, &decision)?;
        scene.equal(
            format_args!("the limit that binds a check of {cost} milli under {policy}"),
            Some(decision.binding().limit()),
            policy.limits().get(binding).copied(),
        )?;
    }
    // Allowed, and nothing is left of any.
    let policy = scene.policy(&[(5, b), (5, d), (5, a)])?;
    let subject = scene.subject("spent");
    let decision = subject.check(&policy, Cost::requests(5)).await?;
    scene.allowed("a check of all there is", &decision)?;
    whole(&scene, &decision)?;
    scene.equal(
        "next_after of the limit that binds where nothing is left",
        decision.binding().next_after(),
        decision.next_after(),
    )?;
    // Denied for a while, by all, by two and by one.
    let policy = scene.policy(&[(5, b), (6, d), (7, a), (90, c)])?;
    let subject = scene.subject("waiting");
    let _ = subject.charge(&policy, Cost::milli(4_500)).await?;
    for cost in [501, 1_000, 1_501, 2_501] {
        let decision = subject.check(&policy, Cost::milli(cost)).await?;
        scene.denied(format_args!("a check of {cost} milli"), &decision)?;
        whole(&scene, &decision)?;
        let statuses = decision.limits().iter();
        let longest = statuses.filter_map(LimitStatus::retry_after).max();
        scene.equal("the longest wait", decision.retry_after(), longest)?;
        scene.equal(
            "the wait of the limit that binds",
            decision.binding().retry_after(),
            longest,
        )?;
    }
    Ok(Tested::InFull)
}

fn whole(scene: &Scene, decision: &Decision) -> Result<(), Violation> {
    let statuses = decision.limits();
    scene.equal(
        "whether the whole is allowed",
        decision.is_allowed(),
        statuses.iter().all(LimitStatus::is_allowed),
    )?;
    scene.equal(
        "what remains of the whole",
        Some(decision.remaining_cost()),
        statuses.iter().map(LimitStatus::remaining_cost).min(),
    )?;
    scene.equal(
        "reset_after of the whole",
        Some(decision.reset_after()),
        statuses.iter().map(LimitStatus::reset_after).max(),
    )?;
    let denied = || statuses.iter().filter(|status| !status.is_allowed());
    let never = denied().any(|status| status.retry_after().is_none());
    let longest = denied().filter_map(LimitStatus::retry_after).max();
    scene.equal(
        "retry_after of the whole",
        decision.retry_after(),
        longest.filter(|_| !never),
    )
}

/// Limits are answered in the order of the request, and that order changes no state.
///
/// # Errors
///
/// The [`Violation`].
pub async fn limits_are_answered_in_the_order_of_the_request(
    factory: &dyn StoreFactory,
) -> LawResult {
    let scene = Scene::open("limits_are_answered_in_the_order_of_the_request", factory).await?;
    let [a, b, c, _] = scene.quiet_periods().await?;
    let subject = scene.subject("turned about");
    for (limits, left) in [
        ([(10, a), (20, b), (30, c)], [9_000, 19_000, 29_000]),
        ([(30, c), (10, a), (20, b)], [28_000, 8_000, 18_000]),
        ([(20, b), (30, c), (10, a)], [17_000, 27_000, 7_000]),
        ([(30, c), (20, b), (10, a)], [26_000, 16_000, 6_000]),
    ] {
        let policy = scene.policy(&limits)?;
        let decision = subject.check(&policy, Cost::ONE).await?;
        scene.equal(
            format_args!("what remains of {policy}, in that order"),
            remaining(&decision),
            left.to_vec(),
        )?;
    }
    Ok(Tested::InFull)
}

/// Limits of one subject that are never asked together count apart.
///
/// # Errors
///
/// The [`Violation`].
pub async fn limits_asked_apart_count_apart(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("limits_asked_apart_count_apart", factory).await?;
    for scene in scene.by_algorithm() {
        let [a, b, c, d] = scene.quiet_periods().await?;
        let subject = scene.subject("of many limits");
        for left in (0..4_u64).rev() {
            for (index, period) in [a, b, c, d].into_iter().enumerate() {
                let limit = scene.limit(4, period)?;
                let decision = subject.through(index).check(limit, Cost::ONE).await?;
                let what = format!("a check of {limit} among checks of other limits");
                scene.allowed(&what, &decision)?;
                scene.remains(what, &decision, left * 1_000)?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// What is left of each limit, in milli, when `used` requests are in use.
fn numbers(limits: &[(u32, std::time::Duration)], used: u32) -> Vec<u64> {
    limits
        .iter()
        .map(|&(requests, _)| u64::from(requests.saturating_sub(used)) * 1_000)
        .collect()
}
