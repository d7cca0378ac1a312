//! The folder of a server process.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::prefix::random;

/// A folder in the system's temporary one, only for this user, removed on drop.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes an empty folder.
    pub(crate) fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("fastlimit-redis-{:016x}", random()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Returns where the folder is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into the folder and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, content)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_removed_with_its_files() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        let file = folder.write("file", "content").unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "content");
        drop(folder);
        assert!(!path.exists());
    }
}
