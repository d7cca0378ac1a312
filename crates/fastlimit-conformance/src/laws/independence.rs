//! Whose state is whose.
//!
//! Keys with different parts never share state, whatever bytes the parts hold: what a store
//! makes of a key must be injective.

use std::collections::HashSet;

use fastlimit_core::{Cost, Rate};

use crate::scene::{Scene, Subject};
use crate::{LawResult, StoreFactory, Tested, Violation};

/// What goes wrong in keys that are made by gluing parts together.
const NASTY: [&str; 58] = [
    "",
    " ",
    "  ",
    "a",
    "A",
    "b",
    "default",
    "Default",
    "law",
    "fl",
    ":",
    "::",
    ":a",
    "a:",
    "a:b",
    "a::b",
    "{",
    "}",
    "{}",
    "{a}",
    "a}{b",
    "{{a}}",
    "%",
    "%%",
    "%_",
    "%#",
    "%25",
    "%2525",
    "%3A",
    "%3a",
    "%7B",
    "%7D",
    "%00",
    "_",
    "#",
    "*",
    "?",
    "[a]",
    "a*",
    "|",
    "a|b",
    "/",
    "../a",
    "\\",
    "\"",
    "'",
    "\n",
    "a\n",
    "\r\n",
    "\t",
    "\0",
    "a\0",
    "a\0b",
    "\u{e9}",
    "e\u{301}",
    "\u{fb01}",
    "fi",
    "\u{1f980}",
];

/// Subjects of different prefixes share nothing.
///
/// # Errors
///
/// The [`Violation`].
pub async fn prefixes_never_share_state(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("prefixes_never_share_state", factory).await?;
    let own = scene.prefix().to_owned();
    let keys = NASTY.map(|nasty| key([&format!("{own}{nasty}"), "p", "t", "i"]));
    apart(&scene, &keys).await
}

/// Subjects of different policies share nothing.
///
/// # Errors
///
/// The [`Violation`].
pub async fn policies_never_share_state(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("policies_never_share_state", factory).await?;
    let keys = NASTY.map(|nasty| key([scene.prefix(), nasty, "t", "i"]));
    apart(&scene, &keys).await
}

/// Subjects of different tenants share nothing.
///
/// # Errors
///
/// The [`Violation`].
pub async fn tenants_never_share_state(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("tenants_never_share_state", factory).await?;
    let keys = NASTY.map(|nasty| key([scene.prefix(), "p", nasty, "i"]));
    apart(&scene, &keys).await
}

/// Subjects of different identifiers share nothing.
///
/// # Errors
///
/// The [`Violation`].
pub async fn identifiers_never_share_state(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("identifiers_never_share_state", factory).await?;
    let keys = NASTY.map(|nasty| key([scene.prefix(), "p", "t", nasty]));
    apart(&scene, &keys).await
}

/// The parts of a key never run into each other: `a:b` and `c` is not `a` and `b:c`.
///
/// # Errors
///
/// The [`Violation`].
pub async fn parts_never_run_into_each_other(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("parts_never_run_into_each_other", factory).await?;
    let mut keys = HashSet::new();
    for separator in ["", ":", "|", "/", "\0", "%3A", "}{"] {
        let words = ["a", "b", "c", "d"];
        // Where the second, the third and the fourth part begin.
        for second in 0..=words.len() {
            for third in second..=words.len() {
                for fourth in third..=words.len() {
                    let part = |from: usize, to: usize| {
                        words.get(from..to).unwrap_or_default().join(separator)
                    };
                    keys.insert(key([
                        &format!("{}{}", scene.prefix(), part(0, second)),
                        &part(second, third),
                        &part(third, fourth),
                        &part(fourth, words.len()),
                    ]));
                }
            }
        }
    }
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort();
    apart(&scene, &keys).await
}

/// Parts of any length are told apart, by the first byte, by the last, and from what a store
/// may write in place of a long one.
///
/// # Errors
///
/// The [`Violation`].
pub async fn long_parts_are_told_apart(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("long_parts_are_told_apart", factory).await?;
    let mut parts = Vec::new();
    for length in [32, 199, 200, 201, 255, 256, 1_024, 10_000] {
        let middle = "x".repeat(length - 1);
        parts.extend([
            format!("x{middle}"),
            format!("y{middle}"),
            format!("{middle}y"),
        ]);
    }
    let mut keys = HashSet::new();
    for part in &parts {
        let prefix = format!("{}{part}", scene.prefix());
        keys.insert(key([&prefix, "p", "t", "i"]));
        keys.insert(key([scene.prefix(), part, "t", "i"]));
        keys.insert(key([scene.prefix(), "p", part, "i"]));
        let long = key([scene.prefix(), "p", "t", part]);
        // The text of a key, such as a store may use, as an identifier itself.
        let text = scene.subject_of(long.each_ref().map(String::as_str));
        let text = text.key().to_string();
        let identifier = text.rsplit(':').next().unwrap_or_default();
        keys.insert(key([scene.prefix(), "p", "t", identifier]));
        keys.insert(long);
    }
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort();
    apart(&scene, &keys).await
}

/// Equal parts are one subject, whoever asks.
///
/// # Errors
///
/// The [`Violation`].
pub async fn equal_keys_share_state(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("equal_keys_share_state", factory).await?;
    let period = scene.quiet_period().await?;
    let limit = scene.limit(5, period)?;
    let long = "x".repeat(10_000);
    for nasty in NASTY.into_iter().chain([long.as_str()]) {
        for (asked, left) in [4_000, 3_000, 2_000].into_iter().enumerate() {
            let subject = scene.subject_of([scene.prefix(), nasty, nasty, nasty]);
            let decision = subject.through(asked).check(limit, Cost::ONE).await?;
            let what = format!("check {asked} of the subject {:?}", subject.key());
            scene.remains(what, &decision, left)?;
        }
    }
    Ok(Tested::InFull)
}

/// What is done to one subject leaves the others alone: a reset, a refund, a debt.
///
/// # Errors
///
/// The [`Violation`].
pub async fn no_operation_reaches_another_subject(factory: &dyn StoreFactory) -> LawResult {
    let scene = Scene::open("no_operation_reaches_another_subject", factory).await?;
    let period = scene.quiet_period().await?;
    let limit = scene.limit(100, period)?;
    let subjects: Vec<Subject> = (0..40).map(|index| scene.subject(index)).collect();
    for subject in &subjects {
        let _ = subject.check(limit, Cost::requests(50)).await?;
    }
    for (index, subject) in subjects.iter().enumerate() {
        let now = scene.now().await?;
        match index % 4 {
            0 => {}
            1 => drop(subject.reset(limit).await?),
            2 => drop(subject.refund(limit, Cost::requests(20), now).await?),
            _ => drop(subject.charge(limit, Cost::requests(90)).await?),
        }
    }
    for (index, subject) in subjects.iter().enumerate() {
        let decision = subject.usage(limit).await?;
        let (name, left) = match index % 4 {
            0 => ("nothing", 50_000),
            1 => ("a reset", 100_000),
            2 => ("a refund of 20", 70_000),
            _ => ("a charge of 90", 0),
        };
        let what = format!("{name} among operations on other subjects");
        scene.remains(what, &decision, left)?;
    }
    Ok(Tested::InFull)
}

fn key(parts: [&str; 4]) -> [String; 4] {
    parts.map(str::to_owned)
}

/// Charges each key another cost, then finds each with its own.
async fn apart(scene: &Scene, keys: &[[String; 4]]) -> LawResult {
    let period = scene.quiet_period().await?;
    let limit = scene.limit(Rate::MAX_REQUESTS, period)?;
    let subjects: Vec<Subject> = keys
        .iter()
        .map(|parts| scene.subject_of(parts.each_ref().map(String::as_str)))
        .collect();
    for (cost, subject) in (1..).zip(&subjects) {
        let decision = subject.check(limit, Cost::milli(cost)).await?;
        same(
            scene,
            subject,
            limit.capacity().as_milli() - cost,
            &decision,
        )?;
    }
    for (cost, subject) in (1..).zip(&subjects) {
        let decision = subject.usage(limit).await?;
        same(
            scene,
            subject,
            limit.capacity().as_milli() - cost,
            &decision,
        )?;
    }
    Ok(Tested::InFull)
}

fn same(
    scene: &Scene,
    subject: &Subject,
    left: u64,
    decision: &fastlimit_core::Decision,
) -> Result<(), Violation> {
    let text = subject.key().to_string();
    let text: String = text.chars().take(300).collect();
    let what = format!("{text:?} among subjects that differ in one part or another");
    scene.remains(what, decision, left)
}
