//! Many at once: tasks on several threads, through every instance of the store.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use fastlimit_core::store::Operation;
use fastlimit_core::{Algorithm, Cost, Decision};
use fastrand::Rng;
use tokio::sync::Barrier;

use crate::history::{Recorder, linearizes};
use crate::scene::{MILLISECOND, START, Scene, Subject, at};
use crate::settings;
use crate::{LawResult, StoreFactory, Tested, Violation};

/// However many check at once, exactly as many are admitted as the capacity holds, and what
/// they are told remains counts down without a gap and without a double.
///
/// # Errors
///
/// The [`Violation`].
pub async fn concurrent_checks_are_exact(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("concurrent_checks_are_exact", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        for (round, (requests, cost)) in
            [(100, 1_000), (7, 2_000), (20, 300), (1, 1_000), (60, 1_000)]
                .into_iter()
                .cycle()
                .take(15)
                .enumerate()
        {
            let limit = scene.limit(requests, period)?;
            let subject = scene.subject(round);
            let decisions = at_once(&scene, 8, move |task| {
                let subject = subject.through(task);
                async move {
                    let mut decisions = Vec::new();
                    for _ in 0..20 {
                        decisions.push(subject.check(limit, Cost::milli(cost)).await?);
                    }
                    Ok(decisions)
                }
            })
            .await?;
            let what = format!("160 checks of {cost} milli of {limit}, 8 at once");
            counts_down(&scene, &what, &decisions, limit.capacity().as_milli(), cost)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Several limits are charged all together or not at all, however many check at once: none of
/// them is ever short or over.
///
/// # Errors
///
/// The [`Violation`].
pub async fn concurrent_checks_of_several_limits_are_exact(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "concurrent_checks_of_several_limits_are_exact";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let both = scene.policy(&[(50, short), (30, long)])?;
        let one = scene.policy(&[(50, short)])?;
        for round in 0..8 {
            let subject = scene.subject(round);
            // Six tasks want 60 of both limits, two want 20 of the wider one alone.
            let (both, one, asked) = (both.clone(), one.clone(), subject.clone());
            let policies = (both.clone(), one.clone());
            let decisions = at_once(&scene, 8, move |task| {
                let subject = asked.through(task);
                let policy = if task < 6 { &policies.0 } else { &policies.1 }.clone();
                async move {
                    let mut decisions = Vec::new();
                    for _ in 0..10 {
                        decisions.push(subject.check(&policy, Cost::ONE).await?);
                    }
                    Ok(decisions)
                }
            })
            .await?;
            let admitted = |limits: usize| {
                let of_those = decisions
                    .iter()
                    .filter(|decision| decision.limits().len() == limits);
                of_those.filter(|decision| decision.is_allowed()).count()
            };
            scene.equal(format_args!("60 checks of {both} at once"), admitted(2), 30)?;
            scene.equal(format_args!("20 checks of {one} at once"), admitted(1), 20)?;
            let left = subject.usage(&both).await?;
            scene.remains(format_args!("all of {both} after them"), &left, 0)?;
            let left = subject.usage(&one).await?;
            scene.remains(format_args!("all of {one} after them"), &left, 0)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Many subjects at once do not disturb each other: each has all of its own capacity.
///
/// # Errors
///
/// The [`Violation`].
pub async fn concurrent_subjects_do_not_disturb_each_other(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "concurrent_subjects_do_not_disturb_each_other";
    let scene = Scene::open(law, factory).await?;
    let period = scene.quiet_period().await?;
    let limit = scene.limit(9, period)?;
    let subjects: Arc<Vec<Subject>> = Arc::new((0..32).map(|index| scene.subject(index)).collect());
    let asked = Arc::clone(&subjects);
    let decisions = at_once(&scene, 4, move |task| {
        let subjects = Arc::clone(&asked);
        async move {
            let mut decisions = Vec::new();
            for _ in 0..3 {
                for (index, subject) in subjects.iter().enumerate() {
                    let decision = subject.through(task).check(limit, Cost::ONE).await?;
                    decisions.push((index, decision));
                }
            }
            Ok(decisions)
        }
    })
    .await?;
    for (index, _) in subjects.iter().enumerate() {
        let own: Vec<Decision> = decisions
            .iter()
            .filter(|(of, _)| *of == index)
            .map(|(_, decision)| decision.clone())
            .collect();
        let what = format!("12 checks of {limit} by one of 32 subjects");
        counts_down(&scene, &what, &own, 9_000, 1_000)?;
    }
    Ok(Tested::InFull)
}

/// No charge and no refund is lost, however many there are at once.
///
/// # Errors
///
/// The [`Violation`].
pub async fn concurrent_charges_and_refunds_add_up(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("concurrent_charges_and_refunds_add_up", factory).await?;
    for scene in scene.by_algorithm() {
        let period = scene.quiet_period().await?;
        let limit = scene.limit(1_000, period)?;
        for round in 0..4 {
            let subject = scene.subject(round);
            let asked = subject.clone();
            let _: Vec<()> = at_once(&scene, 8, move |task| {
                let subject = asked.through(task);
                async move {
                    for _ in 0..20 {
                        let charged = subject.charge(limit, Cost::requests(3)).await?;
                        let at = charged.charged_at();
                        let _ = subject.refund(limit, Cost::requests(2), at).await?;
                    }
                    Ok(Vec::new())
                }
            })
            .await?;
            let decision = subject.usage(limit).await?;
            let what = "160 charges of 3 and refunds of 2 under 1000, 8 at once";
            scene.remains(what, &decision, 840_000)?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// Whatever is asked at once, the answers are those that the model gives in some order in which
/// the requests may have come: one after the other, field for field.
///
/// # Errors
///
/// The [`Violation`].
pub async fn concurrent_histories_replay_through_the_model(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "concurrent_histories_replay_through_the_model";
    let scene = Scene::open(law, factory).await?;
    let seed = scene.seed()?;
    let mut seeds = Rng::with_seed(seed);
    let [short, long, ..] = scene.quiet_periods().await?;
    for round in 0..60 {
        let policies = Arc::new([
            scene.policy(&[(6, short)])?,
            scene.policy(&[(6, short), (9, long)])?,
            scene.policy_of(&[
                scene.limit_of(Algorithm::SlidingWindow, 8, long)?,
                scene.limit(4, short)?,
                scene.limit_of(Algorithm::TokenBucket, 5, short)?,
                scene.limit_of(Algorithm::SlidingLog, 7, short)?,
            ])?,
        ]);
        let recorder = Arc::new(Recorder::default());
        let subject = scene.subject(round);
        let round_seed = seeds.fork();
        // In every other round the clock ticks, over the end of a window.
        let ticking = scene.clock().filter(|_| round % 2 == 1).cloned();
        if let Some(clock) = scene.clock() {
            clock.set(at(START + 59_990));
        }
        let now = scene.now().await?;
        let calls = at_once(&scene, 4, move |task| {
            let subject = subject.through(task);
            let (policies, recorder) = (Arc::clone(&policies), Arc::clone(&recorder));
            let ticking = ticking.clone();
            let mut rng = round_seed.clone();
            for _ in 0..task {
                let _ = rng.u64(..);
            }
            async move {
                let mut calls = Vec::new();
                for _ in 0..5 {
                    if let Some(clock) = &ticking {
                        clock.advance(MILLISECOND);
                    }
                    let policy = rng.choice(policies.iter());
                    let operation = any_operation(&mut rng, now);
                    if let Some(policy) = policy {
                        calls.push(recorder.call(&subject, policy, operation).await?);
                    }
                }
                Ok(calls)
            }
        })
        .await?;
        scene.ensure(
            format_args!(
                "20 requests, 4 at once ({}; the order is up to chance)",
                settings::seed_hint(seed)
            ),
            linearizes(&calls),
            "the answers that the model gives in some order",
            &calls,
        )?;
    }
    Ok(Tested::InFull)
}

fn any_operation(rng: &mut Rng, now: fastlimit_core::Timestamp) -> Operation {
    let cost = Cost::milli(rng.u64(0..=5) * 500);
    match rng.u32(0..12) {
        0..7 => Operation::Check(cost),
        7..9 => Operation::Charge(cost),
        9 => Operation::Refund {
            cost,
            charged_at: now,
        },
        10 => Operation::Peek(cost),
        _ => Operation::Reset,
    }
}

/// Every instance sees at once what another one did.
///
/// # Errors
///
/// The [`Violation`].
pub async fn instances_share_one_state(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("instances_share_one_state", factory).await?;
    if scene.instance_count() < 2 {
        return Ok(Tested::NotTested {
            why: "it takes several instances over one shared state",
        });
    }
    let period = scene.quiet_period().await?;
    let limit = scene.limit(12, period)?;
    let subject = scene.subject("shared");
    for index in 0..12 {
        let decision = subject.through(index).check(limit, Cost::ONE).await?;
        let left = 11_000 - 1_000 * u64::try_from(index).unwrap_or(0);
        scene.allowed(
            format_args!("check {index}, each by the next instance"),
            &decision,
        )?;
        scene.remains(
            format_args!("check {index}, each by the next instance"),
            &decision,
            left,
        )?;
    }
    for instance in 0..scene.instance_count() {
        let decision = subject.through(instance).check(limit, Cost::ONE).await?;
        scene.denied(format_args!("one more by instance {instance}"), &decision)?;
    }
    let _ = subject.reset(limit).await?;
    for instance in 0..scene.instance_count() {
        let decision = subject.through(instance).usage(limit).await?;
        let what = format!("instance {instance} after a reset by the first");
        scene.remains(what, &decision, 12_000)?;
    }
    Ok(Tested::InFull)
}

/// A caller that goes away before it is answered harms nobody: its request is carried out once
/// or not at all, and the others get their own answers.
///
/// # Errors
///
/// The [`Violation`].
pub async fn callers_that_go_away_harm_nobody(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("callers_that_go_away_harm_nobody", factory).await?;
    let period = scene.quiet_period().await?;
    let limit = scene.limit(100, period)?;
    let (fickle, patient) = (scene.subject("fickle"), scene.subject("patient"));
    for round in 0..50_u64 {
        {
            let subject = fickle.through(usize::try_from(round).unwrap_or(0));
            let mut reply = pin!(subject.send(limit, Operation::Check(Cost::ONE))?);
            // Every other is dropped before it is looked at.
            if round % 2 == 0 {
                poll_fn(|context| {
                    let _ = reply.as_mut().poll(context);
                    Poll::Ready(())
                })
                .await;
            }
        }
        let decision = patient.check(limit, Cost::ONE).await?;
        let what = format!("check {round} of a subject while another one's callers go away");
        scene.remains(what, &decision, 99_000 - 1_000 * round)?;
    }
    let left = fickle.usage(limit).await?.remaining_cost().as_milli();
    scene.ensure(
        "what remains of 100 after 50 checks whose callers went away",
        left >= 50_000 && left % 1_000 == 0,
        "50 to 100 whole requests",
        left,
    )?;
    Ok(Tested::InFull)
}

/// Runs a task `tasks` times at once, and collects what they did.
async fn at_once<T, F>(
    scene: &Scene,
    tasks: usize,
    task: impl Fn(usize) -> F,
) -> Result<Vec<T>, Violation>
where
    T: Send + 'static,
    F: Future<Output = Result<Vec<T>, Violation>> + Send + 'static,
{
    // Else the first is done before the last begins.
    let start = Arc::new(Barrier::new(tasks));
    let running: Vec<_> = (0..tasks)
        .map(|index| {
            let (start, task) = (Arc::clone(&start), task(index));
            tokio::spawn(async move {
                start.wait().await;
                task.await
            })
        })
        .collect();
    let mut all = Vec::new();
    for handle in running {
        let done = handle.await.map_err(|error| {
            scene.violation("requests of several tasks at once", "answers", error)
        })?;
        all.extend(done?);
    }
    Ok(all)
}

/// Holds the law to exactly as many admissions as fit, each with its own place in the count.
fn counts_down(
    scene: &Scene,
    what: &str,
    decisions: &[Decision],
    capacity: u64,
    cost: u64,
) -> Result<(), Violation> {
    let (allowed, denied): (Vec<_>, Vec<_>) =
        decisions.iter().partition(|decision| decision.is_allowed());
    let mut left: Vec<u64> = allowed
        .iter()
        .map(|decision| decision.remaining_cost().as_milli())
        .collect();
    left.sort_unstable_by_key(|&left| std::cmp::Reverse(left));
    let fit = capacity / cost;
    let expected: Vec<u64> = (1..=fit).map(|place| capacity - place * cost).collect();
    scene.equal(
        format_args!("the number admitted of {what}"),
        left.len(),
        expected.len(),
    )?;
    scene.equal(
        format_args!("what remains after each of {what}"),
        left,
        expected,
    )?;
    for decision in denied {
        scene.remains(
            format_args!("a denied one of {what}"),
            decision,
            capacity % cost,
        )?;
    }
    Ok(())
}
