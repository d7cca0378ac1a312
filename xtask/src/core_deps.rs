//! Keeps runtimes, servers and Redis clients out of `fastlimit-core`.

use crate::program;

/// Crates that the core must not depend on, with all whose names begin so and go on with `-`.
const BANNED: [&str; 7] = [
    "axum", "dashmap", "deadpool", "hyper", "redis", "tokio", "tower",
];

const TREE: [&str; 6] = [
    "tree",
    "--package=fastlimit-core",
    "--edges=normal",
    "--all-features",
    "--charset=utf8",
    "--color=never",
];

/// Fails, naming the culprits, if the core depends on a banned crate.
pub(crate) fn run() -> Result<(), String> {
    let tree = program::output(program::cargo().args(TREE).arg("--prefix=none"))?;
    let culprits = culprits(&tree);
    if culprits.is_empty() {
        println!(
            "xtask: fastlimit-core depends on none of {}",
            BANNED.join(", ")
        );
        return Ok(());
    }
    let mut reason = "fastlimit-core must not depend on:".to_owned();
    for culprit in culprits {
        let chain = program::output(program::cargo().args(TREE).args(["--invert", culprit]))
            .unwrap_or_else(|_| culprit.to_owned());
        reason.push_str("\n\n");
        reason.push_str(&chain);
    }
    Err(reason)
}

/// Returns the banned crates among the lines of `cargo tree --prefix none`.
fn culprits(tree: &str) -> Vec<&str> {
    let mut found: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| BANNED.iter().any(|banned| is_of(name, banned)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn is_of(name: &str, banned: &str) -> bool {
    name.strip_prefix(banned)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn culprits_are_named_once() {
        let tree = "\
fastlimit-core v0.1.0 (/src/crates/fastlimit-core)
tokio v1.54.0
tower-layer v0.3.3
tokio v1.54.0 (*)
tokioish v1.0.0
thiserror v2.0.21";
        assert_eq!(culprits(tree), ["tokio", "tower-layer"]);
    }

    #[test]
    fn a_clean_tree_has_none() {
        assert!(
            culprits("fastlimit-core v0.1.0\nthiserror v2.0.21\nredistribute v1.0.0").is_empty()
        );
    }
}
