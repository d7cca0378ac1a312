//! Installs a Redis server by the machine's package manager.

use std::path::PathBuf;
use std::process::Command;

use crate::program;

/// The programs that count as a Redis server, the first one preferred.
const SERVERS: [&str; 2] = ["redis-server", "valkey-server"];

/// Finds the server that the harness takes: the one that is named, else one on the `PATH`.
pub(crate) fn server() -> Option<PathBuf> {
    std::env::var_os("FASTLIMIT_TEST_REDIS_SERVER")
        .filter(|server| !server.is_empty())
        .map(PathBuf::from)
        .or_else(|| on_path().next())
}

/// Finds the servers on the `PATH`.
pub(crate) fn on_path() -> impl Iterator<Item = PathBuf> {
    SERVERS.into_iter().filter_map(program::find)
}

/// Installs a Redis server and returns where it is.
pub(crate) fn install() -> Result<PathBuf, String> {
    let manager = Manager::choose(|name| program::find(name).is_some()).ok_or(
        "there is no apt-get, dnf, apk or brew to install redis-server by; \
         install it by hand, start Docker or set FASTLIMIT_TEST_REDIS_URL",
    )?;
    let sudo = manager.wants_root() && !is_root();
    if sudo && program::find("sudo").is_none() {
        return Err(format!(
            "{} needs root to install redis-server, and there is no sudo",
            manager.name()
        ));
    }
    if let Some(arguments) = manager.refresh() {
        program::run(&mut command(manager, arguments, sudo))?;
    }
    let mut failure = String::new();
    for package in manager.packages() {
        let mut install = command(manager, manager.install(), sudo);
        match program::run(install.arg(package)) {
            Ok(()) => {
                return server().ok_or_else(|| {
                    format!("{package} is installed, and no server is on the PATH")
                });
            }
            Err(reason) => failure = reason,
        }
    }
    Err(failure)
}

fn command(manager: Manager, arguments: &[&str], sudo: bool) -> Command {
    let mut words = Vec::new();
    if sudo {
        words.push("sudo");
    }
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", manager.name()]);
    words.extend(arguments);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

fn is_root() -> bool {
    program::output(Command::new("id").arg("-u")).as_deref() == Ok("0")
}

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Apk,
    Brew,
}

impl Manager {
    /// Chooses the first one that is there.
    fn choose(is_there: impl Fn(&str) -> bool) -> Option<Self> {
        [Self::Apt, Self::Dnf, Self::Apk, Self::Brew]
            .into_iter()
            .find(|manager| is_there(manager.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Apk => "apk",
            Self::Brew => "brew",
        }
    }

    /// Homebrew refuses to run as root.
    fn wants_root(self) -> bool {
        self != Self::Brew
    }

    /// A fresh image of Debian has no package lists; the others fetch theirs by themselves.
    fn refresh(self) -> Option<&'static [&'static str]> {
        (self == Self::Apt).then_some(&["update"])
    }

    fn install(self) -> &'static [&'static str] {
        match self {
            Self::Apt => &["install", "--yes", "--no-install-recommends"],
            Self::Dnf => &["install", "--assumeyes"],
            Self::Apk => &["add", "--no-cache"],
            Self::Brew => &["install"],
        }
    }

    /// The packages to try in turn: some distributions have only the one or the other.
    fn packages(self) -> [&'static str; 2] {
        match self {
            Self::Apt => ["redis-server", "valkey-server"],
            Self::Dnf | Self::Apk | Self::Brew => ["redis", "valkey"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_that_is_there_is_chosen() {
        for manager in [Manager::Apt, Manager::Dnf, Manager::Apk, Manager::Brew] {
            assert_eq!(
                Manager::choose(|name| name == manager.name()),
                Some(manager)
            );
        }
        assert_eq!(Manager::choose(|_| false), None);
    }

    #[test]
    fn the_systems_manager_comes_before_homebrew() {
        let there = |name: &str| name == "brew" || name == "dnf";
        assert_eq!(Manager::choose(there), Some(Manager::Dnf));
    }

    #[test]
    fn apt_asks_no_questions() {
        let command = command(Manager::Apt, Manager::Apt.install(), true);
        let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        assert_eq!(command.get_program(), "sudo");
        assert_eq!(
            arguments.join(" "),
            "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends"
        );
    }
}
