//! Packs the packages as they would be published.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;

/// The version that all packages of the workspace have.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A package, packed and unpacked again.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Where its files are.
    pub(crate) folder: PathBuf,
}

impl Package {
    /// Packs all packages that are published, and unpacks them into a folder.
    pub(crate) fn pack_all(workspace: &Path, folder: &Path) -> Result<Vec<Self>, String> {
        let names = published(workspace)?;
        let mut pack = program::cargo();
        // Not verified here, and without a lock file: cargo would look for the other packages in
        // the registry.
        pack.args(["package", "--quiet", "--no-verify", "--exclude-lockfile"])
            .args(["--allow-dirty", "--target-dir"])
            .arg(folder)
            .args(names.iter().flat_map(|name| ["--package", name]))
            .current_dir(workspace);
        program::run(&mut pack)?;
        let unpack = |name| Self::unpack(name, &folder.join("package"));
        names.into_iter().map(unpack).collect()
    }

    fn unpack(name: String, packed: &Path) -> Result<Self, String> {
        let folder = packed.join(format!("{name}-{VERSION}"));
        let mut unpack = Command::new("tar");
        // Cargo gives all files one time, by which the next build would not see what changed.
        unpack
            .args(["-x", "-z", "-m", "-f"])
            .arg(packed.join(format!("{name}-{VERSION}.crate")))
            .arg("-C")
            .arg(packed);
        program::output(&mut unpack)?;
        Ok(Self { name, folder })
    }

    /// Fails if the package holds another licence than the workspace's, or none.
    pub(crate) fn check_licence(&self, workspace: &Path) -> Result<(), String> {
        let read = |folder: &Path| {
            let file = folder.join("LICENSE");
            fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
        };
        // A link to the licence is packed as the file that it leads to, where links work.
        if read(&self.folder)? == read(workspace)? {
            return Ok(());
        }
        let name = &self.name;
        Err(format!("the LICENSE of {name} is not the workspace's"))
    }

    /// Finds what shows snippets to a reader: the README, and where there are some the front page of
    /// the documentation and the recipes.
    pub(crate) fn documents(&self) -> Result<Vec<PathBuf>, String> {
        let mut documents = vec![self.folder.join("README.md")];
        let source = self.folder.join("src");
        for folder in [source.join("recipes"), source] {
            if folder.is_dir() {
                documents.extend(files(&folder)?);
            }
        }
        documents.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
        Ok(documents)
    }
}

/// Returns the names of the packages that are published: that of the workspace, and those in the
/// folders that are named after it.
fn published(workspace: &Path) -> Result<Vec<String>, String> {
    let folders = files(&workspace.join("crates"))?;
    let names = folders
        .iter()
        .filter_map(|folder| folder.file_name()?.to_str());
    let members = names.filter(|name| name.starts_with("fastlimit-"));
    Ok(["fastlimit"]
        .into_iter()
        .chain(members)
        .map(str::to_owned)
        .collect())
}

/// Returns what is in a folder, in the order of the names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut files: Vec<_> = entries
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .iter()
        .map(fs::DirEntry::path)
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_need_is_not_published() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let names = published(workspace).unwrap();
        assert!(
            names.iter().any(|name| name == "fastlimit-core"),
            "{names:?}"
        );
        assert!(names.iter().all(|name| !name.contains("test")), "{names:?}");
    }
}
