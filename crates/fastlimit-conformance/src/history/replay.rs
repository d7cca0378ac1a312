use fastlimit_core::{Limit, ManualClock};
use fastrand::Rng;

use super::{Generator, Kind, Step, step};
use crate::Violation;
use crate::model::{Difference, Model};
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
            let outcome = subject.apply(&limits, operation).await?;
            let now = outcome.now();
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
            if let Some(difference) = answer.difference(&outcome) {
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
        let outcome = subject.apply(&step.limits, step.operation).await?;
        let answer = model
            .apply(step.limits.limits(), step.operation, step.now)
            .map_err(|error| broken(scene, error))?;
        if let Some(difference) = answer.difference(&outcome) {
            return Ok(Some((index, difference)));
        }
    }
    clean_up(scene, steps, subject).await?;
    Ok(None)
}

/// Resets every limit of a history: on a server, some would stay for a year.
async fn clean_up(scene: &Scene, steps: &[Step], subject: &Subject) -> Result<(), Violation> {
    let mut limits: Vec<Limit> = Vec::new();
    for limit in steps.iter().flat_map(|step| step.limits.limits()) {
        let period = limit.rate().period();
        if limits.iter().all(|known| known.rate().period() != period) {
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
            "{field} of the last answer of this history ({hint}):{}\n  {field}",
            step::list(steps)
        ),
        &difference.expected,
        &difference.found,
    )
}

fn broken(scene: &Scene, error: impl std::fmt::Display) -> Violation {
    scene.violation("making up a history", "one that the model knows", error)
}
