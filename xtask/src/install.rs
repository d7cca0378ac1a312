//! Installs what is missing by the machine's package manager.

use std::path::PathBuf;
use std::process::Command;

use crate::program;

/// The programs that count as a Redis server, the first one preferred.
const SERVERS: [&str; 2] = ["redis-server", "valkey-server"];

/// The names that the compiler of Lua goes by, the first one preferred.
const LUA_COMPILERS: [&str; 3] = ["luac5.1", "luac-5.1", "luac"];

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

/// A program that can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Redis,
    /// The compiler of Lua, of 5.1 where there is one: that is the version that Redis runs.
    Luac,
}

impl Program {
    pub(crate) fn find(self) -> Option<PathBuf> {
        match self {
            Self::Redis => server(),
            Self::Luac => LUA_COMPILERS.into_iter().find_map(program::find),
        }
    }

    /// Installs the program and returns where it is.
    pub(crate) fn install(self) -> Result<PathBuf, String> {
        let name = self.name();
        let manager = Manager::choose(|name| program::find(name).is_some()).ok_or_else(|| {
            let otherwise = self.otherwise();
            format!("there is no apt-get, dnf, apk or brew to install {name} by; {otherwise}")
        })?;
        let sudo = manager.wants_root() && !is_root();
        if sudo && program::find("sudo").is_none() {
            return Err(format!(
                "{} needs root to install {name}, and there is no sudo",
                manager.name()
            ));
        }
        if let Some(arguments) = manager.refresh() {
            program::run(&mut command(manager, arguments, sudo))?;
        }
        let mut failure = String::new();
        for package in self.packages(manager) {
            let mut install = command(manager, manager.install(), sudo);
            match program::run(install.arg(package)) {
                Ok(()) => {
                    return self.find().ok_or_else(|| {
                        format!("{package} is installed, and no {name} is on the PATH")
                    });
                }
                Err(reason) => failure = reason,
            }
        }
        Err(failure)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Redis => SERVERS[0],
            Self::Luac => LUA_COMPILERS[0],
        }
    }

    fn otherwise(self) -> &'static str {
        match self {
            Self::Redis => "install it by hand, or name one in FASTLIMIT_TEST_REDIS_SERVER",
            Self::Luac => "install it by hand",
        }
    }

    /// The packages to try in turn: some distributions have only the one or the other.
    fn packages(self, manager: Manager) -> &'static [&'static str] {
        match (self, manager) {
            (Self::Redis, Manager::Apt) => &["redis-server", "valkey-server"],
            (Self::Redis, Manager::Dnf | Manager::Apk | Manager::Brew) => &["redis", "valkey"],
            (Self::Luac, Manager::Apt | Manager::Apk) => &["lua5.1"],
            (Self::Luac, Manager::Dnf) => &["compat-lua", "lua"],
            (Self::Luac, Manager::Brew) => &["lua"],
        }
    }
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
