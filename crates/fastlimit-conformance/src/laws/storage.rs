//! What is stored.
//!
//! These laws look into the store, through the [`Inspect`](crate::Inspect) of its
//! [`Fixture`](crate::Fixture).

use std::error::Error;

use fastlimit_core::store::Operation;
use fastlimit_core::{Algorithm, Cost, StoreError, StoreErrorKind};

use crate::scene::{START, Scene, at, time_left};
use crate::{LawResult, StoreFactory, Tested};

const NEEDS_AN_INSPECTOR: Tested = Tested::NotTested {
    why: "it takes an inspector to look into the store",
};

/// What changes nothing creates nothing: a denied check, a peek, a cost of zero, a refund of
/// what was never charged and a reset leave no key behind.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn what_changes_nothing_creates_no_key(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("what_changes_nothing_creates_no_key", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let charged_at = scene.now().await?;
        let refund = |cost| Operation::Refund { cost, charged_at };
        for limits in [vec![(3, short)], vec![(3, short), (9, long)]] {
            let policy = scene.policy(&limits)?;
            for operation in [
                Operation::Check(Cost::requests(4)),
                Operation::Check(Cost::ZERO),
                Operation::Peek(Cost::ZERO),
                Operation::Peek(Cost::ONE),
                Operation::Peek(Cost::requests(4)),
                Operation::Charge(Cost::ZERO),
                refund(Cost::ONE),
                refund(Cost::ZERO),
                Operation::Reset,
            ] {
                let subject = scene.subject(format_args!("{policy} {operation:?}"));
                let _ = subject.apply(&policy, operation).await?;
                let Some(state) = subject.state().await? else {
                    return Ok(NEEDS_AN_INSPECTOR);
                };
                scene.equal(
                    format_args!("what is stored of a fresh subject after {operation:?}"),
                    state,
                    None,
                )?;
            }
            // So that an inspector which sees nothing at all is found out.
            let subject = scene.subject(format_args!("{policy} charged"));
            let _ = subject.check(&policy, Cost::ONE).await?;
            let state = subject.state().await?.flatten();
            scene.ensure(
                "what is stored of a subject that was charged",
                state.is_some(),
                "something",
                &state,
            )?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// What changes nothing leaves the state byte for byte: in its own window, and in a later one,
/// where the record is neither dated anew nor dropped for it.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn what_changes_nothing_leaves_the_state_byte_for_byte(
    factory: &dyn StoreFactory,
) -> LawResult {
    let law = "what_changes_nothing_leaves_the_state_byte_for_byte";
    let scene = Scene::open(law, factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let elsewhere = Operation::Refund {
            // A bucket takes a refund of any time.
            cost: match scene.algorithm() {
                Algorithm::TokenBucket => Cost::ZERO,
                _ => Cost::ONE,
            },
            charged_at: at(0),
        };
        for limits in [vec![(3, short)], vec![(9, long), (3, short)]] {
            let policy = scene.policy(&limits)?;
            let subject = scene.subject(&policy);
            if let Some(clock) = scene.clock() {
                clock.set(at(START));
            }
            let _ = subject.check(&policy, Cost::requests(3)).await?;
            let Some(before) = subject.state().await? else {
                return Ok(NEEDS_AN_INSPECTOR);
            };
            for operation in [
                Operation::Check(Cost::ONE),
                Operation::Check(Cost::requests(10)),
                Operation::Check(Cost::ZERO),
                Operation::Peek(Cost::ZERO),
                Operation::Peek(Cost::ONE),
                Operation::Charge(Cost::ZERO),
                elsewhere,
            ] {
                let _ = subject.apply(&policy, operation).await?;
                let after = subject.state().await?;
                scene.equal(
                    format_args!("the state after {operation:?} with nothing left of {policy}"),
                    after,
                    Some(before.clone()),
                )?;
            }
            let Some(clock) = scene.clock() else {
                continue;
            };
            clock.advance(time_left(at(START), short));
            for operation in [
                Operation::Check(Cost::requests(10)),
                Operation::Peek(Cost::ONE),
                Operation::Check(Cost::ZERO),
                elsewhere,
            ] {
                let _ = subject.apply(&policy, operation).await?;
                let after = subject.state().await?;
                scene.equal(
                    format_args!(
                        "the state after {operation:?} in the window after that of {policy}"
                    ),
                    after,
                    Some(before.clone()),
                )?;
            }
        }
    }
    Ok(match scene.clock() {
        Some(_) => Tested::InFull,
        None => Tested::InPart {
            missing: "it takes a manual clock to see a later window",
        },
    })
}

/// A reset leaves nothing behind of its limits: the key is gone with the last of them.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn a_reset_leaves_no_key(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("a_reset_leaves_no_key", factory).await?;
    for scene in scene.by_algorithm() {
        let [short, long, ..] = scene.quiet_periods().await?;
        let policy = scene.policy(&[(3, short), (9, long)])?;
        for (name, resets) in [
            ("together", vec![policy.clone()]),
            (
                "one by one",
                vec![scene.policy(&[(3, short)])?, scene.policy(&[(9, long)])?],
            ),
        ] {
            let subject = scene.subject(name);
            let _ = subject.check(&policy, Cost::ONE).await?;
            for reset in resets {
                let _ = subject.reset(&reset).await?;
            }
            let Some(state) = subject.state().await? else {
                return Ok(NEEDS_AN_INSPECTOR);
            };
            scene.equal(
                format_args!("what is stored after a reset of all limits {name}"),
                state,
                None,
            )?;
        }
    }
    Ok(scene.tried_by_algorithm())
}

/// What stands under a key and is not the store's own is an error, never a fresh count, and is
/// left as it is. The error holds no identifier, which may be a secret: not in its text, its `Debug`
/// or a source.
///
/// # Errors
///
/// The [`Violation`](crate::Violation).
pub async fn foreign_data_is_an_error_and_left_as_it_is(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("foreign_data_is_an_error_and_left_as_it_is", factory).await?;
    let [short, long, ..] = scene.quiet_periods().await?;
    let policies = [
        scene.policy(&[(3, short)])?,
        scene.policy(&[(3, short), (5, long)])?,
    ];
    for (case, bytes) in [
        b"42".as_slice(),
        b"hello",
        b"{}",
        b"\xff\x00\x01",
        &[0; 40],
        &[1; 7],
    ]
    .into_iter()
    .enumerate()
    {
        for (limits, policy) in policies.iter().enumerate() {
            for operation in [
                Operation::Check(Cost::ONE),
                Operation::Peek(Cost::ONE),
                Operation::Charge(Cost::ONE),
                Operation::Refund {
                    cost: Cost::ONE,
                    charged_at: scene.now().await?,
                },
                Operation::Reset,
            ] {
                let subject = scene.subject(format_args!("{case} {limits} {operation:?}"));
                if !subject.plant(bytes).await? {
                    return Ok(Tested::NotTested {
                        why: "it takes an inspector of a store that others can write to",
                    });
                }
                let what = format!("{operation:?} where {bytes:?} is stored");
                let result = subject.send(policy, operation)?.await;
                let kind = result.as_ref().err().map(StoreError::kind);
                scene.ensure(
                    &what,
                    kind == Some(StoreErrorKind::ForeignData),
                    "an error of the kind ForeignData",
                    &result,
                )?;
                let identifier = subject.key().identifier().to_owned();
                let words = result.err().map(|error| words(&error)).unwrap_or_default();
                scene.ensure(
                    format_args!("the words of the error of {what}"),
                    !words.contains(&identifier),
                    "no identifier",
                    &words,
                )?;
                let after = subject.state().await?;
                scene.equal(
                    format_args!("what is stored after {what}"),
                    after,
                    Some(Some(bytes.to_vec())),
                )?;
            }
        }
    }
    Ok(Tested::InFull)
}

/// All that an error says.
fn words(error: &StoreError) -> String {
    let mut words = format!("{error:?}; {error}");
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}; {error:?}; {error}");
        source = error.source();
    }
    words
}
