//! Finds and runs other programs.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Finds a program in the folders of the `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Returns the command that runs this workspace's cargo.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the folder into which cargo builds: this program is in a folder of it.
pub(crate) fn target() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let target = program.ancestors().nth(2);
    target
        .map(Path::to_owned)
        .ok_or_else(|| format!("{} is in no target folder", program.display()))
}

/// Runs a command in the foreground, after printing it.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = shown(command);
    println!("xtask: running {shown}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{shown}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{shown}: {status}"))
    }
}

/// Runs a command and returns what it prints, or its complaint.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{shown}: {error}"))?;
    printed(&output, &shown)
}

/// Runs a command that prints little, and ends it when it takes too long.
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> Result<String, String> {
    let shown = shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{shown}: {error}"))?;
    let deadline = Instant::now() + limit;
    while !exited(&mut child)? {
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{shown}: no end after {limit:?}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    let output = child
        .wait_with_output()
        .map_err(|error| format!("{shown}: {error}"))?;
    printed(&output, &shown)
}

/// Returns what a command that has ended printed, or its complaint.
fn printed(output: &Output, shown: &str) -> Result<String, String> {
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("{shown}: {}", complaint.trim()))
    }
}

fn exited(child: &mut Child) -> Result<bool, String> {
    match child.try_wait() {
        Ok(status) => Ok(status.is_some()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns a command as a person types it, with the variables that are set for it.
fn shown(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={}", name.display(), value.display()))
    });
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    variables
        .chain([name.display().to_string()])
        .chain(command.get_args().map(quoted))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(arg: &OsStr) -> String {
    let text = arg.display().to_string();
    if text.is_empty() || text.contains(char::is_whitespace) {
        format!("'{text}'")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "a b"]).env("SOURCE", "path");
        assert_eq!(shown(&command), "SOURCE=path cargo test 'a b'");
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let limit = Duration::from_millis(100);
        let error = output_within(Command::new("sleep").arg("60"), limit).unwrap_err();
        assert!(error.contains("no end after"), "{error}");
    }

    #[test]
    fn a_complaint_is_returned() {
        let error = output_within(
            Command::new("sh").args(["-c", "echo no >&2; exit 3"]),
            Duration::from_secs(10),
        );
        assert!(error.unwrap_err().ends_with(": no"));
    }
}
