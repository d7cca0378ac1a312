//! What a sliding log promises besides: it is exact over any interval, to the millisecond, and
//! its size has a bound.

use std::time::Duration;

use fastlimit_core::store::Operation;
use fastlimit_core::{Algorithm, Cost, Limit};
use fastrand::Rng;

use crate::model::Model;
use crate::scene::{HOUR, MILLISECOND, MINUTE, SECOND, START, Scene, Subject, at};
use crate::{LawResult, StoreFactory, Tested, Violation, settings};

const NEEDS_A_CLOCK: Tested = Tested::NotTested {
    why: "it takes a manual clock",
};

/// How many entries a log may have.
const MOST_ENTRIES: u64 = 1_000;

/// Each charge counts for one period, to the millisecond, wherever the windows of other
/// algorithms end; what was charged in one millisecond leaves together.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_log_counts_each_charge_for_a_period(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_log_counts_each_charge_for_a_period", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for period in [4 * MILLISECOND, SECOND, MINUTE, 7 * HOUR] {
        let limit = scene.limit_of(Algorithm::SlidingLog, 10, period)?;
        for offset in [0, 3, 999] {
            let subject = scene.subject(format_args!("{period:?} {offset}"));
            let first = at(START + offset);
            clock.set(first);
            let _ = subject.check(limit, Cost::requests(3)).await?;
            let _ = subject.charge(limit, Cost::ONE).await?;
            clock.advance(MILLISECOND);
            let _ = subject.check(limit, Cost::requests(2)).await?;
            let end = period + MILLISECOND;
            for (elapsed, left) in [
                (period - MILLISECOND, 4_000),
                (period, 8_000),
                (end, 10_000),
                (end + MILLISECOND, 10_000),
            ] {
                clock.set(first.saturating_add(elapsed));
                let decision = subject.usage(limit).await?;
                let what = format!("{limit}, {elapsed:?} after 4 requests and then 2");
                scene.remains(&what, &decision, left)?;
                scene.equal(
                    format_args!("reset_after of {what}"),
                    decision.reset_after(),
                    end.saturating_sub(elapsed),
                )?;
            }
        }
    }
    Ok(Tested::InFull)
}

/// A denied check waits until enough has left, from the oldest on, and not until all has.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_denial_of_a_log_waits_until_enough_has_left(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "a_denial_of_a_log_waits_until_enough_has_left";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    let limit = scene.limit_of(Algorithm::SlidingLog, 6, MINUTE)?;
    let subject = scene.subject("patient");
    // They leave 30, 40 and 50 seconds after the last of these times.
    for (seconds, requests) in [(0, 1), (10, 2), (20, 3), (30, 0)] {
        clock.set(at(START + seconds * 1_000));
        let _ = subject.check(limit, Cost::requests(requests)).await?;
    }
    let waits = [
        (1, 30),
        (1_000, 30),
        (1_001, 40),
        (3_000, 40),
        (3_001, 50),
        (6_000, 50),
    ];
    waits_for(&scene, &subject, limit, &waits).await?;
    // In debt, more has to leave.
    let _ = subject.charge(limit, Cost::requests(2)).await?;
    let waits = [(1, 40), (1_000, 40), (1_001, 50), (4_000, 50), (4_001, 60)];
    waits_for(&scene, &subject, limit, &waits).await?;
    Ok(Tested::InFull)
}

/// Holds the law to the seconds that checks of so many milli have to wait.
async fn waits_for(
    scene: &Scene,
    subject: &Subject,
    limit: Limit,
    waits: &[(u64, u64)],
) -> Result<(), Violation> {
    for &(milli, seconds) in waits {
        let decision = subject.check(limit, Cost::milli(milli)).await?;
        let what = format!("the wait of a check of {milli} milli under a full {limit}");
        let wait = scene.wait_of(&what, &decision)?;
        scene.equal(what, wait, Duration::from_secs(seconds))?;
    }
    Ok(())
}

/// Whatever is asked, and however the clock steps back, no interval of one period admits more
/// than the capacity; and what remains is the capacity less what the period that ends now
/// admitted, exactly.
///
/// # Errors
///
/// The [`Violation`].
pub async fn no_interval_of_a_period_admits_more_than_a_log_allows(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "no_interval_of_a_period_admits_more_than_a_log_allows";
    let scene = Scene::open(law, factory).await?;
    let mut rng = Rng::with_seed(scene.seed()?);
    let period = 20;
    let limit = scene.limit_of(Algorithm::SlidingLog, 7, MILLISECOND * 20)?;
    let capacity = limit.capacity().as_milli();
    let subject = scene.subject("greedy");
    let mut admitted: Vec<(u64, u64)> = Vec::new();
    let mut latest = START;
    // In real time each takes a millisecond and more.
    let rounds = if scene.clock().is_some() { 600 } else { 100 };
    for _ in 0..rounds {
        match scene.clock() {
            Some(clock) => {
                latest += rng.u64(0..=3);
                let back = if rng.u32(0..8) == 0 { period } else { 0 };
                clock.set(at(latest - rng.u64(0..=back)));
            }
            None => tokio::time::sleep(MILLISECOND / 3).await,
        }
        let cost = match rng.u32(0..4) {
            // Everything, so that every fraction too much is taken.
            0 => subject.usage(limit).await?.remaining_cost(),
            _ => Cost::milli(rng.u64(1..=3_000)),
        };
        let decision = subject.check(limit, cost).await?;
        let now = decision.charged_at().as_millis();
        if decision.is_allowed() && cost > Cost::ZERO {
            admitted.push((now, cost.as_milli()));
        }
        let within = |from: u64| {
            let interval = from..from + period;
            let costs = admitted.iter().filter(|(time, _)| interval.contains(time));
            costs.map(|&(_, cost)| cost).sum::<u64>()
        };
        let last_period = within(now + 1 - period);
        scene.remains(
            format_args!("{limit} at {now}, which admitted {last_period} milli in 20 ms"),
            &decision,
            capacity.saturating_sub(last_period),
        )?;
        // An interval that admits most begins with an admission.
        for &(from, _) in admitted
            .iter()
            .rev()
            .take_while(|(from, _)| from + period > now)
        {
            let found = within(from);
            scene.ensure(
                format_args!("what the 20 ms from {from} admitted of {limit}"),
                found <= capacity,
                format_args!("at most {capacity} milli"),
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
    Ok(match scene.clock() {
        Some(_) => Tested::InFull,
        None => Tested::InPart {
            missing: "it takes a manual clock to step back",
        },
    })
}

/// A refund is taken from what was charged in the millisecond that it names, and one that names
/// any other is ignored; never is more taken than was charged there, and what is given back whole
/// is waited for no more.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_refund_of_a_log_goes_to_its_millisecond(factory: &dyn StoreFactory) -> LawResult {
    let law = "a_refund_of_a_log_goes_to_its_millisecond";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    for period in [20, 60_000, 3_600_000] {
        let limit = Duration::from_millis(period);
        let limit = scene.limit_of(Algorithm::SlidingLog, 20, limit)?;
        let subject = scene.subject(period);
        let (first, second, third) = (START + 3, START + 8, START + 12);
        for (time, requests) in [(first, 5), (first, 3), (second, 4), (third, 2)] {
            clock.set(at(time));
            let _ = subject.check(limit, Cost::requests(requests)).await?;
        }
        for (requests, charged_at, left, resets_at) in [
            (5, 0, 6_000, third + period),
            (5, first - 1, 6_000, third + period),
            (5, first + 1, 6_000, third + period),
            (5, third + 1, 6_000, third + period),
            (5, first + period, 6_000, third + period),
            (5, u64::MAX, 6_000, third + period),
            (3, first, 9_000, third + period),
            (90, second, 13_000, third + period),
            (1, second, 13_000, third + period),
            (2, third, 15_000, first + period),
            (5, first, 20_000, third),
        ] {
            let decision = subject
                .refund(limit, Cost::requests(requests), at(charged_at))
                .await?;
            let what = format!(
                "a refund of {requests} charged at {charged_at} under {limit}, with charges at \
                 {first}, {second} and {third}"
            );
            scene.allowed(&what, &decision)?;
            scene.remains(&what, &decision, left)?;
            scene.equal(
                format_args!("reset_after of {what}"),
                decision.reset_after(),
                Duration::from_millis(resets_at - third),
            )?;
        }
        let decision = subject.check(limit, Cost::requests(20)).await?;
        scene.allowed("a check of everything after the refunds", &decision)?;
        clock.set(at(third + period));
        let _ = subject.check(limit, Cost::requests(8)).await?;
        let decision = subject.refund(limit, Cost::ONE, at(third)).await?;
        let what = format!("a refund of what has left {limit} already");
        scene.remains(what, &decision, 12_000)?;
    }
    Ok(Tested::InFull)
}

/// However many small costs are charged in a period, a log has no more than 1,000 entries, so
/// that it does not grow any further.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_log_of_many_small_costs_keeps_its_size(factory: &dyn StoreFactory) -> LawResult {
    let law = "a_log_of_many_small_costs_keeps_its_size";
    let scene = Scene::open(law, factory).await?;
    if scene.clock().is_none() {
        return Ok(NEEDS_A_CLOCK);
    }
    let limit = scene.limit_of(Algorithm::SlidingLog, 5, HOUR)?;
    let subject = scene.subject("frugal");
    trickle(&scene, &subject, limit, MOST_ENTRIES).await?;
    let Some(full) = subject.state().await? else {
        return Ok(Tested::NotTested {
            why: "it takes an inspector to look into the store",
        });
    };
    let full = full.map_or(0, |state| state.len());
    trickle(&scene, &subject, limit, MOST_ENTRIES / 5).await?;
    let state = subject.state().await?.flatten();
    let found = state.map_or(0, |state| state.len());
    scene.ensure(
        "the bytes that a log takes after 1,200 charges",
        found <= full + full / 20,
        format_args!("about {full}, as after 1,000"),
        found,
    )?;
    Ok(Tested::InFull)
}

/// Where a log has more than 1,000 entries, the oldest count as one at the time of the latest of
/// them: they leave together and late, so that no interval ever admits more than the capacity.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_full_log_lets_its_oldest_leave_together_and_late(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "a_full_log_lets_its_oldest_leave_together_and_late";
    let scene = Scene::open(law, factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    let limit = scene.limit_of(Algorithm::SlidingLog, 2, 5 * SECOND)?;
    let subject = scene.subject("frugal");
    let first = scene.now().await?;
    // With the 1,200 that follow, all of the limit.
    let _ = subject.check(limit, Cost::milli(800)).await?;
    trickle(&scene, &subject, limit, MOST_ENTRIES + 200).await?;
    // The charges of the first 201 milliseconds are one, at the last of these.
    let together = first.saturating_add(5 * SECOND + 200 * MILLISECOND);
    let denied = subject.check(limit, Cost::milli(1)).await?;
    let what = format!("the wait of a check of 0.001 under a full {limit}");
    let wait = scene.wait_of(&what, &denied)?;
    scene.equal(what, denied.now().saturating_add(wait), together)?;
    for (early, left) in [(200, 0), (199, 0), (1, 0), (0, 1_001)] {
        clock.set(together.saturating_sub(MILLISECOND * early));
        let decision = subject.usage(limit).await?;
        let what = format!("{limit}, {early} ms before its oldest leave together");
        scene.remains(what, &decision, left)?;
    }
    clock.advance(MILLISECOND);
    let decision = subject.usage(limit).await?;
    scene.remains(format_args!("{limit}, 1 ms later"), &decision, 1_002)?;
    Ok(Tested::InFull)
}

/// Charges 0.001 in each of so many milliseconds.
async fn trickle(
    scene: &Scene,
    subject: &Subject,
    limit: Limit,
    charges: u64,
) -> Result<(), Violation> {
    for _ in 0..charges {
        let decision = subject.check(limit, Cost::milli(1)).await?;
        scene.allowed("a check of 0.001", &decision)?;
        scene.pass(MILLISECOND).await?;
    }
    Ok(())
}

/// A log that has more entries than it may keep has the answers of the model, field for field,
/// while charges come and go, and are given back.
///
/// # Errors
///
/// The [`Violation`].
pub async fn a_full_log_answers_as_the_model_does(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_full_log_answers_as_the_model_does", factory).await?;
    let Some(clock) = scene.clock() else {
        return Ok(NEEDS_A_CLOCK);
    };
    let seed = scene.seed()?;
    let mut rng = Rng::with_seed(seed);
    let limit = scene.limit_of(Algorithm::SlidingLog, 3, 2 * SECOND)?;
    let (subject, mut model) = (scene.subject("busy"), Model::new());
    let mut now = START;
    for step in 0..MOST_ENTRIES + 400 {
        let small = Cost::milli(rng.u64(1..=3));
        let operation = match rng.u32(0..10) {
            _ if step <= MOST_ENTRIES => Operation::Charge(small),
            0..6 => Operation::Check(small),
            6 => Operation::Check(Cost::milli(rng.u64(0..=3_500))),
            7 => Operation::Peek(Cost::milli(rng.u64(0..=3_500))),
            _ => Operation::Refund {
                cost: small,
                charged_at: at(rng.u64(START..=now)),
            },
        };
        // So that most of a period goes by until the log is full, and some more after that.
        now += match step {
            0..=MOST_ENTRIES => 1 + u64::from(rng.u32(0..3) == 0),
            _ => rng.u64(0..=4),
        };
        clock.set(at(now));
        let instance = usize::try_from(step).unwrap_or(0);
        let decision = subject.through(instance).apply(limit, operation).await?;
        let answer = model
            .apply(&[limit], operation, at(now))
            .map_err(|error| scene.violation("asking the model", "an answer", error))?;
        if let Some(difference) = answer.difference(&decision) {
            let (field, hint) = (&difference.field, settings::seed_hint(seed));
            return Err(scene.violation(
                format_args!(
                    "{field} of {operation:?} at {now}, step {step} under {limit} ({hint})"
                ),
                &difference.expected,
                &difference.found,
            ));
        }
    }
    Ok(Tested::InFull)
}
