//! Keeps the snippets that a package shows true of what it ships.
//!
//! A new crate, as a reader of the snippets has one, depends on the packed packages and has their
//! documents as its documentation. So rustdoc finds, wraps and compiles the snippets.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::package::{Package, VERSION};
use crate::program;

/// All features of `fastlimit`.
const FEATURES: [&str; 4] = ["axum", "redis", "redis-tls-rustls", "serde"];

/// What snippets use besides the packages.
const DEPENDENCIES: &str = r#"
axum = { version = "0.8", features = ["macros"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "sync", "time"] }
tower = { version = "0.5", features = ["util"] }
"#;

/// Fails, showing the faults, if a package lacks its licence, or if a snippet does not compile
/// without a warning or fails.
pub(crate) fn run() -> Result<(), String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = workspace.parent().unwrap_or(workspace);
    let target = program::target()?;
    let folder = target.join("check-packages");
    // What was there before is not packed now.
    let _ = fs::remove_dir_all(&folder);
    let packages = Package::pack_all(workspace, &folder)?;
    for package in &packages {
        package.check_licence(workspace)?;
    }
    let reader = folder.join("reader");
    let write = |name: &str, text: &str| {
        fs::create_dir_all(reader.join("src"))
            .and_then(|()| fs::write(reader.join(name), text))
            .map_err(|error| format!("{}: {error}", reader.display()))
    };
    write("Cargo.toml", &manifest(&packages))?;
    write("src/lib.rs", &library(&packages)?)?;
    // With the versions of dependencies that the tests of the workspace have.
    fs::copy(workspace.join("Cargo.lock"), reader.join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let mut test = program::cargo();
    test.args(["test", "--doc", "--target-dir"])
        .arg(&target)
        .current_dir(&reader);
    program::run(&mut test)?;
    let count = packages.len();
    println!("xtask: what {count} packages show compiles against what they ship");
    Ok(())
}

/// Returns the manifest of the reader's crate, a workspace of its own.
fn manifest(packages: &[Package]) -> String {
    let mut manifest = format!(
        "[package]\nname = \"reader\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [profile.dev]\ndebug = false\n\n[dependencies]{DEPENDENCIES}"
    );
    for Package { name, .. } in packages {
        let features: &[&str] = if name == "fastlimit" { &FEATURES } else { &[] };
        let _ = writeln!(
            manifest,
            "{name} = {{ version = \"={VERSION}\", features = {features:?} }}"
        );
    }
    manifest.push_str("\n[patch.crates-io]\n");
    for Package { name, folder } in packages {
        let _ = writeln!(manifest, "{name} = {{ path = {folder:?} }}");
    }
    manifest
}

/// Returns the library of the reader's crate: a module for each document.
fn library(packages: &[Package]) -> Result<String, String> {
    let mut library = "#![doc(test(no_crate_inject, attr(deny(warnings))))]\n".to_owned();
    for package in packages {
        let _ = writeln!(library, "mod {} {{", package.name.replace('-', "_"));
        for document in package.documents()? {
            let name = document.file_stem().unwrap_or_default().display();
            let name = name.to_string().to_lowercase().replace('-', "_");
            let _ = writeln!(
                library,
                "    #[doc = include_str!({document:?})]\n    mod {name} {{}}"
            );
        }
        library.push_str("}\n");
    }
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_takes_what_was_packed() {
        let package = Package {
            name: "fastlimit-core".to_owned(),
            folder: "/packed/fastlimit-core".into(),
        };
        let manifest = manifest(&[package]);
        let (dependencies, patches) = manifest.split_once("[patch.crates-io]").unwrap();
        assert!(
            dependencies.contains("fastlimit-core = { version"),
            "{dependencies}"
        );
        assert_eq!(
            patches.trim(),
            r#"fastlimit-core = { path = "/packed/fastlimit-core" }"#
        );
    }
}
