//! A server process of a program on this machine.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::control::Server;
use crate::log::Log;
use crate::setup::Setup;
use crate::{Error, Source, answer};

/// How long a server may take to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// How many ports are tried.
const ATTEMPTS: usize = 5;

/// Starts the server, passes signals on to it and ends it when nobody is left to give orders.
///
/// The shell is the server's parent, so the server's process id cannot pass to a stranger while
/// the shell lives. A paused server in the group of a dead parent draws a hang-up from the system,
/// which the shell has to survive. Its own standard error is closed once the server has it, so
/// that the stream ends with the server.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
folder=$1
shift
"$@" </dev/null >&2 &
server=$!
exec 2>/dev/null
while read -r order; do
    if [ "$order" = quit ]; then
        kill -s KILL "$server"
        wait "$server"
        exit 0
    fi
    if kill -s "$order" "$server"; then echo done; else echo failed; fi
done
kill -s KILL "$server"
wait "$server"
rm -rf "$folder"
"#;

/// A server process, running or stopped, with its port and folder.
pub(crate) struct Process {
    // Before the folder, so that the server is gone when the folder goes.
    running: Option<Running>,
    port: u16,
    setup: Setup,
}

impl Process {
    /// Starts a server on a free port.
    pub(crate) fn start(setup: Setup) -> Result<Self, Error> {
        let mut process = Self {
            running: None,
            port: 0,
            setup,
        };
        let mut result = Err(failed("there is no free port".to_owned(), String::new()));
        for _ in 0..ATTEMPTS {
            let Some(port) = process.setup.role.port() else {
                break;
            };
            process.port = port;
            result = process.launch();
            if !taken(&result) {
                break;
            }
        }
        result.map(|()| process)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn unix_socket(&self) -> PathBuf {
        self.setup.unix_socket()
    }

    /// Starts the server once on its port and waits until it answers.
    fn launch(&mut self) -> Result<(), Error> {
        let running = self
            .spawn()
            .map_err(|error| failed(error.to_string(), String::new()))?;
        let log = running.log.clone();
        self.running = Some(running);
        let answered = if self.setup.role.answers_plain_ping() {
            answer::wait(self.addr(), Instant::now() + DEADLINE, || {
                log.ended().then(|| "it exited".to_owned())
            })
        } else {
            Ok(())
        };
        // Whoever answers on the port, only this server writes to this log.
        let deadline = Instant::now() + DEADLINE;
        while answered.is_ok() && !log.accepts() && !log.ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        match answered {
            Ok(()) if log.accepts() => Ok(()),
            _ if log.ended() => {
                self.running = None;
                Err(failed("it exited".to_owned(), log.tail()))
            }
            answered => {
                self.running = None;
                Err(Error::NotReady {
                    origin: Source::Path,
                    addr: self.addr(),
                    waited: DEADLINE,
                    reason: answered
                        .err()
                        .unwrap_or_else(|| "it has not said that it is ready".to_owned()),
                    log: log.tail(),
                })
            }
        }
    }

    fn spawn(&self) -> io::Result<Running> {
        let mut shell = Command::new("sh")
            .args(["-c", WATCHDOG, "redis-watchdog"])
            .arg(self.setup.folder.path())
            .arg(&self.setup.program)
            .args(self.setup.args_on(self.port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Out of reach of what ends the whole group of the test: Ctrl-C or a test runner.
            .process_group(0)
            .spawn()?;
        let missing = || io::Error::other("a pipe to the watchdog is missing");
        Ok(Running {
            orders: shell.stdin.take().ok_or_else(missing)?,
            answers: BufReader::new(shell.stdout.take().ok_or_else(missing)?),
            log: Log::of(shell.stderr.take().ok_or_else(missing)?),
            shell,
        })
    }

    fn signal(&mut self, name: &str, action: &'static str) -> Result<(), Error> {
        let reason = match &mut self.running {
            None => "it does not run".to_owned(),
            Some(running) => match running.order(name) {
                Ok(()) => return Ok(()),
                Err(error) => error.to_string(),
            },
        };
        Err(Error::Control { action, reason })
    }
}

impl Server for Process {
    fn stop(&mut self) -> Result<(), Error> {
        self.running = None;
        Ok(())
    }

    fn start_again(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let result = self.launch();
            if !taken(&result) || Instant::now() >= deadline {
                return result;
            }
        }
    }

    fn pause(&mut self) -> Result<(), Error> {
        self.signal("STOP", "pause")
    }

    fn resume(&mut self) -> Result<(), Error> {
        self.signal("CONT", "resume")
    }

    fn addr_for_servers(&self) -> Result<SocketAddr, Error> {
        Ok(self.addr())
    }
}

/// A watchdog shell with the server that it started.
struct Running {
    shell: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: Log,
}

impl Running {
    /// Has the shell send a signal, and waits until it has.
    fn order(&mut self, signal: &str) -> io::Result<()> {
        writeln!(self.orders, "{signal}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer == "done\n" {
            Ok(())
        } else {
            Err(io::Error::other(format!("the signal {signal} is not sent")))
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing is left to tell if the shell is gone already.
        let _ = writeln!(self.orders, "quit");
        let _ = self.shell.wait();
    }
}

fn failed(reason: String, log: String) -> Error {
    Error::Start {
        origin: Source::Path,
        reason,
        log,
    }
}

/// Whether a server did not start because somebody else has its port.
fn taken(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Start { log, .. }) if log.contains("Address already in use"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::Folder;
    use crate::setup::Role;

    #[test]
    fn only_a_taken_port_is_worth_another_attempt() {
        let taken_port = "Could not create server TCP listening socket: Address already in use";
        assert!(taken(&Err(failed(String::new(), taken_port.to_owned()))));
        assert!(!taken(&Err(failed(
            String::new(),
            "bad directive".to_owned()
        ))));
        assert!(!taken(&Ok(())));
    }

    #[test]
    fn a_program_that_exits_is_reported_with_its_output() {
        let folder = Folder::new().unwrap();
        let program = folder.path().join("redis-server");
        fs::write(&program, "#!/bin/sh\necho cannot find my teeth\nexit 1\n").unwrap();
        fs::set_permissions(
            &program,
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        let setup = Setup::new(program, Role::Standalone, &[]).unwrap();
        let Err(error) = Process::start(setup) else {
            panic!("it started");
        };
        assert!(matches!(error, Error::Start { .. }), "{error}");
        assert!(
            error.to_string().contains("cannot find my teeth"),
            "{error}"
        );
    }
}
