//! Refunds and resets.

use fastlimit_core::{Cost, Policy};

use crate::scene::{MILLISECOND, MINUTE, START, Scene, Subject, at, remaining, untimed};
use crate::{LawResult, StoreFactory, Tested, Violation};

/// A refund gives back what it says, to be spent again.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_refund_gives_back_what_was_charged(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_refund_gives_back_what_was_charged", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        for limits in [vec![(5, short)], vec![(5, short), (6, long)]] {
            let policy = scene.policy(&limits)?;
            let subject = scene.subject(&policy);
            let charged = subject.check(&policy, Cost::requests(5)).await?;
            for (milli, left) in [(1, 1), (999, 1_000), (2_000, 3_000)] {
                let refund = Cost::milli(milli);
                let decision = subject
                    .refund(&policy, refund, charged.charged_at())
                    .await?;
                let what = format!("a refund of {refund} under {policy}");
                scene.allowed(&what, &decision)?;
                scene.remains(what, &decision, left)?;
            }
            let decision = subject.check(&policy, Cost::requests(3)).await?;
            scene.allowed("a check of all that was refunded", &decision)?;
            let decision = subject.check(&policy, Cost::milli(1)).await?;
            scene.denied("a check of more than was refunded", &decision)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// A refund gives back no more than is in use: what remains is never above the capacity, and
/// nothing is saved up for later.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_refund_never_gives_more_than_is_in_use(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_refund_never_gives_more_than_is_in_use", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let limit = scene.limit(5, period)?;
        for (used, refund) in [(0, 1), (0, u64::MAX), (2_000, 2_001), (5_000, u64::MAX)] {
            let subject = scene.subject(format_args!("{refund} of {used}"));
            let charged = subject.check(limit, Cost::milli(used)).await?;
            for _ in 0..2 {
                let decision = subject
                    .refund(limit, Cost::milli(refund), charged.charged_at())
                    .await?;
                let what = format!("a refund of {refund} milli with {used} in use");
                scene.allowed(&what, &decision)?;
                scene.remains(what, &decision, 5_000)?;
            }
            let decision = subject.check(limit, Cost::requests(5)).await?;
            scene.allowed("a check of everything after such a refund", &decision)?;
            let decision = subject.check(limit, Cost::milli(1)).await?;
            scene.denied(
                "a check of more than everything after such a refund",
                &decision,
            )?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// A refund of what was charged in another window is ignored: that is gone already. When in
/// the window it was charged makes no difference.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_refund_from_another_window_is_ignored(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_refund_from_another_window_is_ignored", factory).await?;
    let period = scene.quiet_period().await?;
    let limit = scene.limit(5, period)?;
    let subject = scene.subject("late");
    if let Some(clock) = scene.clock() {
        clock.set(at(START + 30_000));
    }
    let charged = subject.check(limit, Cost::requests(4)).await?;
    let now = charged.charged_at();
    let start = now
        .saturating_add(charged.reset_after())
        .saturating_sub(period);
    let last = start.saturating_add(period - MILLISECOND);
    let (before, after) = (
        start.saturating_sub(MILLISECOND),
        start.saturating_add(period),
    );
    for other in [
        at(0),
        now.saturating_sub(period),
        before,
        after,
        at(u64::MAX),
    ] {
        let decision = subject.refund(limit, Cost::ONE, other).await?;
        let what = format!("a refund charged at {other}, in another window than {now}");
        scene.allowed(&what, &decision)?;
        scene.remains(what, &decision, 1_000)?;
    }
    for (own, left) in [(start, 2_000), (now, 3_000), (last, 4_000)] {
        let decision = subject.refund(limit, Cost::ONE, own).await?;
        let what = format!("a refund charged at {own}, in the same window as {now}");
        scene.remains(what, &decision, left)?;
    }
    let Some(clock) = scene.clock() else {
        return Ok(Tested::InPart {
            missing: "it takes a manual clock to see the next window",
        });
    };
    clock.advance(MINUTE);
    let next = subject.check(limit, Cost::requests(4)).await?;
    let decision = subject.refund(limit, Cost::ONE, now).await?;
    scene.remains(
        "a refund of what was charged in the window before",
        &decision,
        1_000,
    )?;
    let decision = subject.refund(limit, Cost::ONE, next.charged_at()).await?;
    scene.remains(
        "a refund of what was charged in this window",
        &decision,
        2_000,
    )?;

    // The clock steps back: the charge goes to the later window, and says so.
    clock.step_back(10 * MILLISECOND);
    let charged = subject.check(limit, Cost::ONE).await?;
    let decision = subject
        .refund(limit, Cost::ONE, charged.charged_at())
        .await?;
    scene.remains("a refund after the clock stepped back", &decision, 2_000)?;
    Ok(Tested::InFull)
}

/// A reset answers as a fresh key does, and after it the key is fresh, with all of its capacity
/// and no more, whatever was in use.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_reset_makes_a_fresh_key(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_reset_makes_a_fresh_key", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let policy = scene.policy(&[(4, short), (9, long)])?;
        for used in [0, 1, 4_000, 90_000] {
            let subject = scene.subject(used);
            let fresh = scene.subject(format_args!("fresh {used}"));
            let _ = subject.charge(&policy, Cost::milli(used)).await?;
            let what = format!("a reset with {used} milli of {policy} in use");
            for _ in 0..2 {
                let decision = subject.reset(&policy).await?;
                let expected = fresh.usage(&policy).await?;
                scene.allowed(&what, &decision)?;
                scene.equal(&what, untimed(&decision), untimed(&expected))?;
                if scene.clock().is_some() {
                    scene.equal(&what, decision, expected)?;
                }
            }
            let decision = subject.check(&policy, Cost::requests(4)).await?;
            scene.allowed(
                format_args!("a check of everything after {what}"),
                &decision,
            )?;
            let decision = subject.check(&policy, Cost::milli(1)).await?;
            scene.denied(format_args!("a check of more after {what}"), &decision)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// A reset forgets the limits of its request and no others: what the same subject has used of
/// other limits stays in use.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_reset_forgets_only_its_own_limits(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_reset_forgets_only_its_own_limits", factory).await?;
    for scene in scene.by_algorithm() {
        let [a, b, c, _] = scene.quiet_periods().await?;
        let all = scene.policy(&[(10, a), (10, b), (10, c)])?;
        let subject = scene.subject("partly forgotten");
        let _ = subject.check(&all, Cost::requests(7)).await?;
        for (limits, left) in [
            // The number plays no part: the limit is known by its period.
            (vec![(99, b)], [3_000, 10_000, 3_000]),
            (vec![(10, b), (10, a)], [10_000, 10_000, 3_000]),
            (vec![(10, c)], [10_000; 3]),
        ] {
            let _ = subject.reset(&scene.policy(&limits)?).await?;
            let decision = subject.usage(&all).await?;
            scene.equal(
                format_args!("what remains of {all} after a reset of {limits:?}"),
                remaining(&decision),
                left.to_vec(),
            )?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// A reservation settles to what it came to: a check of an estimate, and then a refund or a
/// charge of the difference, leaves what a charge of the actual cost would have.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_reservation_settles_to_the_actual_cost(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_reservation_settles_to_the_actual_cost", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let policy = scene.policy(&[(20, short), (30, long)])?;
        for actual in [0, 1, 7_999, 8_000, 8_001, 19_000, 50_000] {
            let subject = scene.subject(actual);
            settles(&scene, &subject, &policy, 8_000, actual).await?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

async fn settles(
    scene: &Scene,
    subject: &Subject,
    policy: &Policy,
    estimate: u64,
    actual: u64,
) -> Result<(), Violation> {
    let reserved = subject.check(policy, Cost::milli(estimate)).await?;
    let what = format!("a reservation of {estimate} that came to {actual} milli");
    scene.allowed(&what, &reserved)?;
    let decision = if actual < estimate {
        let over = Cost::milli(estimate - actual);
        subject.refund(policy, over, reserved.charged_at()).await?
    } else {
        subject
            .charge(policy, Cost::milli(actual - estimate))
            .await?
    };
    let left = policy.limits().iter().map(|limit| {
        let capacity = limit.capacity().as_milli();
        capacity.saturating_sub(actual)
    });
    scene.equal(what, remaining(&decision), left.collect())
}
