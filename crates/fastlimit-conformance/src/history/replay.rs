use std::time::Duration;

use fastlimit_core::store::Operation;
use fastlimit_core::{Limit, ManualClock, Timestamp};
use fastrand::Rng;

use super::generator::LONGEST_GRACE;
use super::{Generator, Kind, Step, step};
use crate::Violation;
use crate::model::{Answer, Difference, Model};
use crate::scene::{Scene, Subject};
use crate::settings;

/// Tries `count` histories on a clock that can be moved.
pub(crate) async fn replay_on_manual_clock(
    scene: &Scene,
    clock: &ManualClock,
    kind: Kind,
    count: u64,
) -> Result<(), Violation> {
    let seed = scene.seed()?;
    let mut seeds = Rng::with_seed(seed);
    for history in 0..count {
        let steps = generate(scene, kind, seeds.fork())?;
        if first_difference(scene, clock, &steps, history)
            .await?
            .is_none()
        {
            continue;
        }
        let steps = shrink(scene, clock, steps, history).await?;
        let subject = scene.subject(format_args!("{history} shrunk"));
        if let Some((index, difference)) = differs(scene, clock, &steps, &subject).await? {
            let steps = steps.get(..=index).unwrap_or(&steps);
            return Err(unequal(scene, seed, steps, &difference));
        }
        return Err(scene.violation(
            format_args!("a history replayed; {}", settings::seed_hint(seed)),
            "the same answers as before",
            "others",
        ));
    }
    Ok(())
}

/// Tries `count` histories on a clock that moves by itself: the model is given the times that
/// the store reports.
pub(crate) async fn replay_in_real_time(
    scene: &Scene,
    kind: Kind,
    count: u64,
) -> Result<(), Violation> {
    let seed = scene.seed()?;
    let mut seeds = Rng::with_seed(seed);
    for history in 0..count {
        let mut generator = Generator::new(kind, seeds.fork());
        generator.see_clock(scene.now().await?);
        let subject = scene.subject(history);
        let mut model = Model::new();
        let mut steps = Vec::new();
        for index in 0..generator.length() {
            let (limits, operation) = generator.ask().map_err(|error| broken(scene, error))?;
            let subject = subject.through(index);
            let decision = subject.apply(&limits, operation).await?;
            let now = decision.now();
            generator.see_clock(now);
            let answer = model
                .apply(limits.limits(), operation, now)
                .map_err(|error| broken(scene, error))?;
            generator.see(&answer);
            steps.push(Step {
                now,
                limits,
                operation,
            });
            if let Some(difference) = answer.difference(&decision) {
                return Err(unequal(scene, seed, &steps, &difference));
            }
        }
        clean_up(scene, &steps, &subject).await?;
    }
    Ok(())
}

/// Chooses the steps of a history; the model tells what there is to choose around.
fn generate(scene: &Scene, kind: Kind, rng: Rng) -> Result<Vec<Step>, Violation> {
    let mut generator = Generator::new(kind, rng);
    let mut model = Model::new();
    let mut steps = Vec::new();
    for _ in 0..generator.length() {
        let now = generator.move_clock();
        let (limits, operation) = generator.ask().map_err(|error| broken(scene, error))?;
        let answer = model
            .apply(limits.limits(), operation, now)
            .map_err(|error| broken(scene, error))?;
        generator.see(&answer);
        steps.push(Step {
            now,
            limits,
            operation,
        });
    }
    Ok(steps)
}

/// Sends the steps to a subject and to the model: the first answer that differs.
///
/// Where a check is denied for a while, it must pass when that is over and not a millisecond
/// before, and so must the next of what was charged: on the model, which gave the same wait as the
/// store, and on the store itself where its clock may go there and back.
async fn differs(
    scene: &Scene,
    clock: &ManualClock,
    steps: &[Step],
    subject: &Subject,
) -> Result<Option<(usize, Difference)>, Violation> {
    let mut model = Model::new();
    for (index, step) in steps.iter().enumerate() {
        clock.set(step.now);
        let subject = subject.through(index);
        let decision = subject.apply(&step.limits, step.operation).await?;
        let answer = model
            .apply(step.limits.limits(), step.operation, step.now)
            .map_err(|error| broken(scene, error))?;
        if let Some(difference) = answer.difference(&decision) {
            return Ok(Some((index, difference)));
        }
        let (cost, wait) = match step.operation {
            Operation::Check(cost) | Operation::Charge(cost) => (cost, decision.next_after()),
            // Where it is allowed, its next comes after a check that nobody makes.
            Operation::Peek(cost) => (cost, decision.retry_after()),
            _ => continue,
        };
        let Some(wait) = wait.filter(|wait| !wait.is_zero()) else {
            continue;
        };
        let Some(times) = around_the_end_of(step.now, wait) else {
            continue;
        };
        for (time, passes) in times {
            let peek = Operation::Peek(cost);
            let foretold = model
                .apply(step.limits.limits(), peek, time)
                .map_err(|error| broken(scene, error))?;
            if foretold.is_allowed() != passes {
                return Ok(Some((index, misses(passes, &foretold))));
            }
            if !may_go_to(time, steps.get(index..).unwrap_or_default()) {
                continue;
            }
            clock.set(time);
            let found = subject.peek(&step.limits, cost).await?;
            if let Some(difference) = foretold.difference(&found) {
                return Ok(Some((index, difference)));
            }
        }
    }
    clean_up(scene, steps, subject).await?;
    Ok(None)
}

/// The last time at which a check fails that is denied for `wait`, and the first at which it
/// passes; `None` past the end of time.
fn around_the_end_of(now: Timestamp, wait: Duration) -> Option<[(Timestamp, bool); 2]> {
    let end = now.saturating_add(wait);
    let before = end.saturating_sub(Duration::from_millis(1));
    (end < Timestamp::MAX).then_some([(before, false), (end, true)])
}

/// Tells whether the clock may go ahead to a time and come back for the steps that are left: a
/// store may forget what is dead when the clock steps back by more than the grace.
fn may_go_to(time: Timestamp, steps: &[Step]) -> bool {
    let limits = steps.iter().flat_map(|step| step.limits.limits());
    let shortest = limits.map(|limit| limit.rate().period()).min();
    let grace = shortest
        .unwrap_or_default()
        .min(Duration::from_millis(LONGEST_GRACE));
    steps
        .iter()
        .all(|step| step.now.saturating_add(grace) >= time)
}

fn misses(passes: bool, foretold: &Answer) -> Difference {
    Difference {
        field: format!(
            "the wait, since {} the model is_allowed at {}",
            if passes {
                "after it"
            } else {
                "a millisecond early"
            },
            foretold.now
        ),
        expected: passes.to_string(),
        found: foretold.is_allowed().to_string(),
    }
}

/// Resets every limit of a history: on a server, some would stay for a year.
async fn clean_up(scene: &Scene, steps: &[Step], subject: &Subject) -> Result<(), Violation> {
    let mut limits: Vec<Limit> = Vec::new();
    for limit in steps.iter().flat_map(|step| step.limits.limits()) {
        let same = |known: &Limit| {
            let periods = [known, limit].map(|limit| limit.rate().period());
            known.algorithm() == limit.algorithm() && periods[0] == periods[1]
        };
        if !limits.iter().any(same) {
            limits.push(*limit);
        }
    }
    if !limits.is_empty() {
        let _ = subject.reset(&scene.policy_of(&limits)?).await?;
    }
    Ok(())
}

async fn first_difference(
    scene: &Scene,
    clock: &ManualClock,
    steps: &[Step],
    history: u64,
) -> Result<Option<usize>, Violation> {
    let subject = scene.subject(history);
    let difference = differs(scene, clock, steps, &subject).await?;
    Ok(difference.map(|(index, _)| index))
}

/// Leaves out every step without which the answers still differ, until all are needed.
async fn shrink(
    scene: &Scene,
    clock: &ManualClock,
    mut steps: Vec<Step>,
    history: u64,
) -> Result<Vec<Step>, Violation> {
    let mut index = steps.len();
    let mut tries = 0;
    while index > 0 {
        index -= 1;
        tries += 1;
        let mut fewer = steps.clone();
        fewer.remove(index);
        let subject = scene.subject(format_args!("{history} shrunk by {tries}"));
        if differs(scene, clock, &fewer, &subject).await?.is_some() {
            steps = fewer;
            // A step that was needed before may not be needed any more.
            index = steps.len();
        }
    }
    Ok(steps)
}

fn unequal(scene: &Scene, seed: u64, steps: &[Step], difference: &Difference) -> Violation {
    let (field, hint) = (&difference.field, settings::seed_hint(seed));
    scene.violation(
        format_args!(
            "{field} of the last answer of this history ({hint}; after what has to wait, or leaves \
             too little for the next, come peeks at the end of the wait and 1 ms before, where the \
             clock may go there):{}\n  {field}",
            step::list(steps)
        ),
        &difference.expected,
        &difference.found,
    )
}

fn broken(scene: &Scene, error: impl std::fmt::Display) -> Violation {
    scene.violation("making up a history", "one that the model knows", error)
}
