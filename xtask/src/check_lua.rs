//! Keeps each file of the Redis script a program by itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::install::Program;
use crate::program;

/// Fails, naming the file and the fault, if a Lua file of a crate is no program by itself.
pub(crate) fn run() -> Result<(), String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("crates");
    let files = lua_files(&crates).map_err(|error| format!("{}: {error}", crates.display()))?;
    if files.is_empty() {
        return Err(format!("no Lua file in {}", crates.display()));
    }
    let luac = match Program::Luac.find() {
        Some(luac) => luac,
        None => Program::Luac.install()?,
    };
    let parse = |file: &PathBuf| program::output(Command::new(&luac).arg("-p").arg(file));
    let faults: Vec<_> = files.iter().filter_map(|file| parse(file).err()).collect();
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    println!("xtask: each of {} Lua files is a program", files.len());
    Ok(())
}

/// Finds `*/src/lua/*.lua`, in the order of their names.
fn lua_files(crates: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for package in fs::read_dir(crates)? {
        let folder = package?.path().join("src").join("lua");
        if folder.is_dir() {
            for file in fs::read_dir(folder)? {
                files.push(file?.path());
            }
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "lua"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_script_are_found() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("crates");
        let files = lua_files(&crates).unwrap();
        let main = Path::new("fastlimit-redis/src/lua/main.lua");
        assert!(files.contains(&crates.join(main)), "{files:?}");
    }

    #[test]
    fn a_folder_without_lua_has_none() {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(lua_files(xtask).unwrap().is_empty());
    }
}
