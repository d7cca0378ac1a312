//! What a server process is started with.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use crate::folder::Folder;
use crate::{Error, Source, port};

/// The program, the folder and the arguments of a server process; only its port is left open.
pub(crate) struct Setup {
    /// The program that is run.
    pub(crate) program: PathBuf,
    /// What the server is.
    pub(crate) role: Role,
    /// The server's folder, which ends with the server.
    pub(crate) folder: Folder,
    /// The file that the server reads and rewrites.
    config: Option<PathBuf>,
    /// What comes after the harness's own arguments, and so wins over them.
    args: Vec<OsString>,
}

impl Setup {
    /// Makes the folder of a server without a configuration file.
    pub(crate) fn new(program: PathBuf, role: Role, args: &[&str]) -> Result<Self, Error> {
        Ok(Self {
            program,
            role,
            folder: Folder::new().map_err(|error| failed(&error))?,
            config: None,
            args: args.iter().map(OsString::from).collect(),
        })
    }

    /// Gives the server a configuration file, which it may rewrite and finds at a restart.
    pub(crate) fn with_config(mut self, lines: &str) -> Result<Self, Error> {
        self.config = Some(self.write("redis.conf", lines)?);
        Ok(self)
    }

    /// Adds an argument with a file of this content.
    pub(crate) fn with_file(
        mut self,
        argument: &str,
        name: &str,
        content: &str,
    ) -> Result<Self, Error> {
        let path = self.write(name, content)?;
        self.args.push(argument.into());
        self.args.push(path.into());
        Ok(self)
    }

    /// Returns the path of the server's Unix socket.
    pub(crate) fn unix_socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Returns the arguments of the program for a port.
    pub(crate) fn args_on(&self, port: u16) -> Vec<OsString> {
        let port = port.to_string();
        let mut args: Vec<OsString> = self.config.iter().map(OsString::from).collect();
        let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
        match self.role {
            Role::Standalone => add(&["--port", &port]),
            Role::Tls => add(&["--port", "0", "--tls-port", &port]),
            Role::ClusterNode => add(&["--port", &port, "--cluster-enabled", "yes"]),
            Role::Sentinel => add(&["--sentinel", "--port", &port]),
        }
        add(&["--bind", "127.0.0.1", "--daemonize", "no"]);
        if self.role != Role::Sentinel {
            add(&["--save", "", "--appendonly", "no"]);
        }
        args.push("--dir".into());
        args.push(self.folder.path().into());
        args.push("--unixsocket".into());
        args.push(self.unix_socket().into());
        args.extend(self.args.iter().cloned());
        args
    }

    fn write(&self, name: &str, content: &str) -> Result<PathBuf, Error> {
        self.folder
            .write(name, content)
            .map_err(|error| failed(&error))
    }
}

/// What a server process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A Redis by itself, or a replica.
    Standalone,
    /// A Redis that is reached over TLS only.
    Tls,
    /// A node of a cluster.
    ClusterNode,
    /// A sentinel.
    Sentinel,
}

impl Role {
    /// Chooses a free port, with what else the server listens on free as well.
    pub(crate) fn port(self) -> Option<u16> {
        match self {
            Self::ClusterNode => port::free_with_bus(),
            Self::Standalone | Self::Tls | Self::Sentinel => port::free(),
        }
    }

    /// Whether a `PING` in plain text is answered.
    pub(crate) fn answers_plain_ping(self) -> bool {
        self != Self::Tls
    }
}

fn failed(error: &io::Error) -> Error {
    Error::Start {
        origin: Source::Path,
        reason: format!("its folder cannot be made: {error}"),
        log: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn words(setup: &Setup) -> Vec<String> {
        setup
            .args_on(7)
            .into_iter()
            .map(|arg| arg.into_string().unwrap())
            .collect()
    }

    fn setup(role: Role, args: &[&str]) -> Setup {
        Setup::new("redis-server".into(), role, args).unwrap()
    }

    #[test]
    fn the_callers_arguments_come_last() {
        let words = words(&setup(Role::Standalone, &["--save", "1 1"]));
        assert_eq!(words[..2], ["--port", "7"]);
        assert_eq!(words[words.len() - 2..], ["--save", "1 1"]);
    }

    #[test]
    fn a_configuration_file_comes_first() {
        let setup = setup(Role::Sentinel, &[]).with_config("a line\n").unwrap();
        let words = words(&setup);
        assert_eq!(fs::read_to_string(&words[0]).unwrap(), "a line\n");
        assert_eq!(words[1..4], ["--sentinel", "--port", "7"]);
        assert!(!words.contains(&"--save".to_owned()), "{words:?}");
    }

    #[test]
    fn a_file_is_named_after_its_argument() {
        let setup = setup(Role::Tls, &[])
            .with_file("--tls-cert-file", "server.pem", "PEM")
            .unwrap();
        let words = words(&setup);
        assert_eq!(words[..4], ["--port", "0", "--tls-port", "7"]);
        assert_eq!(words[words.len() - 2], "--tls-cert-file");
        assert_eq!(fs::read_to_string(&words[words.len() - 1]).unwrap(), "PEM");
    }
}
