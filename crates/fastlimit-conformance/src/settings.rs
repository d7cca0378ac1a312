//! What the environment says.

use std::env;

const SEED: &str = "FASTLIMIT_CONFORMANCE_SEED";
const HISTORIES: &str = "FASTLIMIT_CONFORMANCE_HISTORIES";

/// The seed of everything random but the prefix: a new one unless the environment names one.
pub(crate) fn seed() -> Result<u64, String> {
    Ok(number(SEED)?.unwrap_or_else(|| fastrand::u64(..)))
}

/// How to run the suite with the same seed again.
pub(crate) fn seed_hint(seed: u64) -> String {
    format!("{SEED}={seed} tries the same again")
}

/// How many random histories are tried.
pub(crate) fn histories(of_factory: u32) -> Result<u64, String> {
    Ok(number(HISTORIES)?.unwrap_or(u64::from(of_factory)))
}

fn number(variable: &str) -> Result<Option<u64>, String> {
    let Some(text) = env::var_os(variable) else {
        return Ok(None);
    };
    let number = text.to_str().and_then(|text| text.trim().parse().ok());
    number
        .map(Some)
        .ok_or_else(|| format!("{variable}={}", text.display()))
}
