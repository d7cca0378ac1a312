//! For how long state is stored.

use std::time::Duration;

use fastlimit_core::store::Operation;
use fastlimit_core::{Cost, Decision, Policy};

use crate::scene::{DAY, HOUR, MILLISECOND, MINUTE, SECOND, START, Scene, Subject, at, time_left};
use crate::{LawResult, Lifetime, StoreFactory, Tested, Violation};

const NEEDS_AN_INSPECTOR: Tested = Tested::NotTested {
    why: "it takes an inspector to look into the store",
};
const NEEDS_A_CLOCK: Tested = Tested::NotTested {
    why: "it takes a manual clock",
};

/// On a clock that is not the server's, state may live this long by the server's.
const LONGEST_BY_ANOTHER_CLOCK: Duration = Duration::from_secs(3_600);

/// State that is dead, and its grace over, is dropped by the store itself: nobody need call
/// anything, and no subject that comes once stays for ever.
///
/// # Errors
///
/// The [`Violation`].
pub async fn dead_state_is_dropped(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("dead_state_is_dropped", factory).await?;
    for scene in scene.by_algorithm() {
        let tested = drops(&scene).await?;
        if tested != Tested::InFull {
            return Ok(tested);
        }
    }
    Ok(scene.tried_by_algorithm())
}

async fn drops(scene: &Scene) -> LawResult {
    let period = 50 * MILLISECOND;
    let limit = scene.limit(3, period)?;
    let dead: Vec<Subject> = (0..100)
        .map(|index| scene.subject(format_args!("dead {index}")))
        .collect();
    for subject in &dead {
        let _ = subject.check(limit, Cost::ONE).await?;
    }
    let Some(first) = dead.first() else {
        return Ok(NEEDS_AN_INSPECTOR);
    };
    if first.state().await?.is_none() {
        return Ok(NEEDS_AN_INSPECTOR);
    }
    if scene.clock().is_some() && first.lifetime().await?.is_some() {
        return Ok(Tested::NotTested {
            why: "the store drops state by its server's clock, which the manual clock does not \
                  move; `state_has_a_lifetime` looks at that",
        });
    }
    // What makes room is other subjects that come, and time that goes by.
    let mut left = dead;
    for round in 0..100 {
        scene.pass(period / 2).await?;
        for newcomer in 0..100 {
            let subject = scene.subject(format_args!("newcomer {newcomer} of {round}"));
            let _ = subject.check(limit, Cost::ONE).await?;
        }
        let mut still = Vec::new();
        for subject in left {
            if subject.state().await?.flatten().is_some() {
                still.push(subject);
            }
        }
        left = still;
        if left.is_empty() {
            return Ok(Tested::InFull);
        }
    }
    Err(scene.violation(
        "how many of 100 dead subjects are still stored, 49 periods and 10,000 requests later",
        0,
        left.len(),
    ))
}

/// Where state is dropped by a lifetime, every key has one from the moment it is written: until
/// all of it is dead and its grace is over, and little more.
///
/// # Errors
///
/// The [`Violation`].
pub async fn state_has_a_lifetime(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("state_has_a_lifetime", factory).await?;
    for scene in scene.by_algorithm() {
        let policies = [
            vec![(3, SECOND)],
            vec![(3, 17 * SECOND)],
            vec![(3, MINUTE)],
            vec![(3, DAY)],
            vec![(3, 366 * DAY)],
            vec![(3, MINUTE), (5, HOUR), (7, SECOND)],
        ];
        for limits in policies {
            let policy = scene.policy(&limits)?;
            for operation in [
                Operation::Check(Cost::ONE),
                Operation::Charge(Cost::MAX),
                Operation::Check(Cost::ZERO),
                Operation::Refund {
                    cost: Cost::milli(1),
                    charged_at: scene.now().await?,
                },
            ] {
                let subject = scene.subject(format_args!("{policy} {operation:?}"));
                let _ = subject.charge(&policy, Cost::milli(2)).await?;
                let decision = subject.apply(&policy, operation).await?;
                let Some(lifetime) = subject.lifetime().await? else {
                    return Ok(Tested::NotTested {
                        why: "it takes an inspector of a store that drops state by a lifetime",
                    });
                };
                lasts(&scene, &policy, &decision, lifetime)?;
                // Else it would stay on a server, for up to a year.
                let _ = subject.reset(&policy).await?;
            }
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Holds the law to the lifetime of a subject that answered so.
fn lasts(
    scene: &Scene,
    policy: &Policy,
    decision: &Decision,
    lifetime: Lifetime,
) -> Result<(), Violation> {
    let limits = policy.limits().iter().zip(decision.limits());
    let dies =
        limits.map(|(limit, status)| status.reset_after() + limit.rate().period().min(MINUTE));
    let least = dies.max().unwrap_or_default();
    let most = match scene.clock() {
        Some(_) => least.max(LONGEST_BY_ANOTHER_CLOCK),
        None => least,
    };
    let Lifetime::For(lifetime) = lifetime else {
        return Err(scene.violation(
            format_args!("the lifetime of a subject of {policy}"),
            format_args!("{least:?}"),
            "none: it stays for ever",
        ));
    };
    // The request and the look at it are apart by a moment.
    let (early, late) = (2 * SECOND, 5 * SECOND);
    scene.ensure(
        format_args!("the lifetime of a subject of {policy}"),
        lifetime + early >= least && lifetime <= most + late,
        format_args!("{least:?} to {most:?}, give or take a moment"),
        lifetime,
    )
}

/// Live state is never dropped, whatever other subjects and other limits do meanwhile.
///
/// # Errors
///
/// The [`Violation`].
pub async fn live_state_is_kept(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("live_state_is_kept", factory).await?;
    for scene in scene.by_algorithm() {
        let period = match scene.clock() {
            Some(_) => HOUR,
            None => scene.quiet_period().await?,
        };
        let (long, brief) = (scene.limit(3, period)?, scene.limit(5, 20 * MILLISECOND)?);
        if let Some(clock) = scene.clock() {
            clock.set(at(START).saturating_add(time_left(at(START), period)));
        }
        let mut spent = Vec::new();
        for index in 0..20 {
            let subject = scene.subject(format_args!("spent {index}"));
            let _ = subject.check(long, Cost::requests(3)).await?;
            spent.push(subject);
        }
        // In real time they are slept through.
        let rounds = if scene.clock().is_some() { 20 } else { 12 };
        for round in 0..rounds {
            if scene.clock().is_some() {
                scene.pass(2 * MINUTE).await?;
            } else {
                scene.pass(10 * MILLISECOND).await?;
            }
            for newcomer in 0..40 {
                let subject = scene.subject(format_args!("newcomer {newcomer} of {round}"));
                let _ = subject.check(brief, Cost::ONE).await?;
            }
            // Another limit of the same subject comes and goes.
            for subject in &spent {
                let _ = subject.check(brief, Cost::ONE).await?;
            }
        }
        if let Some(clock) = scene.clock() {
            // The last millisecond of a window, or of what another algorithm holds.
            if let Some(subject) = spent.first() {
                let reset_after = subject.usage(long).await?.reset_after();
                clock.advance(reset_after.saturating_sub(MILLISECOND));
            }
        }
        for subject in &spent {
            let decision = subject.check(long, long.capacity()).await?;
            let what = format!("a subject that has spent {long}, after many others came and went");
            scene.denied(what, &decision)?;
        }
    }
    Ok(match scene.clock() {
        Some(_) => Tested::InFull,
        None => Tested::InPart {
            missing: "it takes a manual clock to wait for the end of a long window",
        },
    })
}

/// Dead state is kept for a grace, the lesser of one period and one minute: a clock that steps
/// back by no more finds the count that it left.
///
/// # Errors
///
/// The [`Violation`].
pub async fn dead_state_is_kept_for_the_grace(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("dead_state_is_kept_for_the_grace", factory).await?;
    for scene in scene.by_algorithm() {
        let Some(clock) = scene.clock() else {
            return Ok(NEEDS_A_CLOCK);
        };
        for period in [SECOND, MINUTE, HOUR] {
            let grace = period.min(MINUTE);
            let limit = scene.limit(3, period)?;
            let brief = scene.limit(9, grace)?;
            clock.set(at(START));
            let subject = scene.subject(format_args!("{period:?}"));
            let spent = subject.check(limit, Cost::requests(3)).await?;
            let end = at(START).saturating_add(spent.reset_after());
            // The last millisecond of the grace, in which others come.
            clock.set(end.saturating_add(grace - MILLISECOND));
            for newcomer in 0..200 {
                let other = scene.subject(format_args!("newcomer {newcomer} of {period:?}"));
                let _ = other.check(brief, Cost::ONE).await?;
            }
            let decision = subject.usage(limit).await?;
            scene.remains(
                format_args!("{limit} when all of it is back"),
                &decision,
                3_000,
            )?;
            clock.step_back(grace);
            let decision = subject.check(limit, limit.capacity()).await?;
            let what = format!("{limit} when the clock has stepped back by {grace:?}");
            scene.denied(what, &decision)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}
