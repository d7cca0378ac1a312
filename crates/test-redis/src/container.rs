//! A server in a container.

use std::env;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use testcontainers::core::IntoContainerPort;
use testcontainers::runners::SyncRunner;
use testcontainers::{GenericImage, ImageExt};

use crate::control::Server;
use crate::docker::{self, Image};
use crate::prefix::random;
use crate::{Error, Source, answer, port};

/// How long a server may take to answer.
const DEADLINE: Duration = Duration::from_secs(60);

/// How many ports are tried.
const ATTEMPTS: usize = 5;

/// The port inside the container.
const INNER_PORT: u16 = 6379;

/// Removes the container when the process that started it is gone.
///
/// The second attempt is for a process that is killed while the daemon still creates it.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
read -r released && exit 0
for attempt in 1 2; do
    docker rm --force --volumes "$1"
    sleep 2
done
"#;

/// A container with a server, running or stopped, with its port on the host.
pub(crate) struct Container {
    // Before the watchdog, which is released when the container is gone.
    owner: Owner,
    _watchdog: Watchdog,
    addr: SocketAddr,
}

impl Container {
    /// Starts a container on a free port of the host.
    pub(crate) fn start(image: &Image, args: &[&str]) -> Result<Self, Error> {
        let mut result = Err(failed("there is no free port".to_owned(), String::new()));
        for _ in 0..ATTEMPTS {
            let Some(port) = port::free() else { break };
            result = Self::start_on(port, image, args);
            if !matches!(&result, Err(Error::Start { reason, .. }) if taken(reason)) {
                break;
            }
        }
        result
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn start_on(port: u16, image: &Image, args: &[&str]) -> Result<Self, Error> {
        let name = format!("fastlimit-test-redis-{:016x}", random());
        let watchdog =
            Watchdog::start(&name).map_err(|error| failed(error.to_string(), String::new()))?;
        let started = Owner::start(name.clone(), port, image.clone(), command(args));
        let (owner, host) = match started {
            Ok(started) => started,
            Err(reason) => {
                // What is created and does not start is nobody's.
                let _ = docker::order(&["rm", "--force", "--volumes", &name]);
                return Err(failed(reason, String::new()));
            }
        };
        let addr = address(&host, port).ok_or_else(|| {
            failed(
                format!("the Docker host {host} has no address"),
                String::new(),
            )
        })?;
        let container = Self {
            owner,
            _watchdog: watchdog,
            addr,
        };
        container.wait()?;
        Ok(container)
    }

    /// Waits until the server answers, as long as its container runs.
    fn wait(&self) -> Result<(), Error> {
        let name = &self.owner.name;
        let mut look = Instant::now() + Duration::from_millis(500);
        let mut exited = false;
        answer::wait(self.addr, Instant::now() + DEADLINE, || {
            // Asking the daemon costs more than asking the server, so it is done rarely.
            if Instant::now() < look {
                return None;
            }
            look = Instant::now() + Duration::from_millis(500);
            let running = docker::order(&["inspect", "--format", "{{.State.Running}}", name]);
            exited = running.as_deref() == Ok("false");
            exited.then(|| "its container exited".to_owned())
        })
        .map_err(|reason| {
            let log = docker::log(name);
            if exited {
                return failed(reason, log);
            }
            Error::NotReady {
                origin: Source::Docker,
                addr: self.addr,
                waited: DEADLINE,
                reason,
                log,
            }
        })
    }

    fn order(&self, args: &[&str], action: &'static str) -> Result<(), Error> {
        let args = [args, &[&self.owner.name]].concat();
        docker::order(&args)
            .map(drop)
            .map_err(|reason| Error::Control { action, reason })
    }
}

impl Server for Container {
    fn stop(&mut self) -> Result<(), Error> {
        // A container that has exited by itself cannot be killed, and need not be.
        let killed = self.order(&["kill"], "stop");
        self.order(&["wait"], "stop")?;
        // The daemon may give the port back a little later.
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect_timeout(&self.addr, Duration::from_millis(500)).is_ok() {
            if Instant::now() >= deadline {
                return killed.and(Err(Error::Control {
                    action: "stop",
                    reason: format!("{} is still open", self.addr),
                }));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn start_again(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match docker::order(&["start", &self.owner.name]) {
                Ok(_) => return self.wait(),
                Err(reason) if taken(&reason) && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(100));
                }
                Err(reason) => return Err(failed(reason, docker::log(&self.owner.name))),
            }
        }
    }

    fn pause(&mut self) -> Result<(), Error> {
        self.order(&["pause"], "pause")
    }

    fn resume(&mut self) -> Result<(), Error> {
        self.order(&["unpause"], "resume")
    }

    fn addr_for_servers(&self) -> Result<SocketAddr, Error> {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
        docker::order(&["inspect", "--format", format, &self.owner.name])
            .and_then(|addresses| {
                let first = addresses.split_whitespace().next().unwrap_or_default();
                let ip: IpAddr = first
                    .parse()
                    .map_err(|_| "its container has no address".to_owned())?;
                Ok((ip, INNER_PORT).into())
            })
            .map_err(|reason| Error::Control {
                action: "replicate",
                reason,
            })
    }
}

/// A thread that starts, owns and drops the container.
///
/// The blocking runner panics inside a runtime, where most callers are, and so does the drop of
/// what it returns.
struct Owner {
    name: String,
    release: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Owner {
    /// Starts the container and returns its owner with the name of its host.
    fn start(
        name: String,
        port: u16,
        image: Image,
        command: Vec<String>,
    ) -> Result<(Self, String), String> {
        let (release, released) = mpsc::channel::<()>();
        let (report, reported) = mpsc::channel();
        let container_name = name.clone();
        let thread = thread::spawn(move || {
            let request = GenericImage::new(image.name, image.tag)
                .with_container_name(container_name)
                .with_mapped_port(port, INNER_PORT.tcp())
                .with_cmd(command);
            let request = if daemon_is_local() {
                request.with_host_config_modifier(|config| {
                    let bindings = config.port_bindings.iter_mut().flatten();
                    for binding in bindings.flat_map(|(_, bound)| bound).flatten() {
                        binding.host_ip = Some(Ipv4Addr::LOCALHOST.to_string());
                    }
                })
            } else {
                request
            };
            let started = request.start().and_then(|container| {
                let host = container.get_host()?.to_string();
                Ok((container, host))
            });
            match started {
                Ok((container, host)) => {
                    let _ = report.send(Ok(host));
                    // Fails, and so returns, as soon as the owner drops the other end.
                    let _ = released.recv();
                    drop(container);
                }
                Err(error) => {
                    let _ = report.send(Err(error.to_string()));
                }
            }
        });
        let owner = Self {
            name,
            release: Some(release),
            thread: Some(thread),
        };
        let host = reported
            .recv()
            .unwrap_or_else(|_| Err("the thread that starts the container died".to_owned()))?;
        Ok((owner, host))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        drop(self.release.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A shell that removes the container unless it is released first.
struct Watchdog(Child);

impl Watchdog {
    fn start(name: &str) -> std::io::Result<Self> {
        Command::new("sh")
            .args(["-c", WATCHDOG, "redis-watchdog", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Self)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut orders) = self.0.stdin.take() {
            let _ = writeln!(orders, "released");
        }
        let _ = self.0.wait();
    }
}

/// Whether the daemon's containers are reached on this host's loopback.
fn daemon_is_local() -> bool {
    env::var("DOCKER_HOST").map_or(true, |host| host.is_empty() || host.starts_with("unix:"))
        && !Path::new("/.dockerenv").exists()
}

/// Returns the command line of the server in the container.
///
/// Its clients are never local to it, so what a server allows to local clients is allowed to all.
fn command(args: &[&str]) -> Vec<String> {
    let mut command: Vec<_> = [
        "redis-server",
        "--bind",
        "0.0.0.0",
        "--protected-mode",
        "no",
        "--port",
        "6379",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    .map(str::to_owned)
    .into();
    for (n, &arg) in args.iter().enumerate() {
        let previous = n.checked_sub(1).map(|before| args[before]);
        let arg = match (previous, arg) {
            (
                Some(
                    "--enable-debug-command"
                    | "--enable-module-command"
                    | "--enable-protected-configs",
                ),
                "local",
            ) => "yes",
            _ => arg,
        };
        command.push(arg.to_owned());
    }
    command
}

fn address(host: &str, port: u16) -> Option<SocketAddr> {
    if host == "localhost" {
        return Some((Ipv4Addr::LOCALHOST, port).into());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (host, port).to_socket_addrs().ok()?.next()
}

fn failed(reason: String, log: String) -> Error {
    Error::Start {
        origin: Source::Docker,
        reason,
        log,
    }
}

/// Whether the daemon says that somebody else has the port.
fn taken(reason: &str) -> bool {
    reason.contains("already in use") || reason.contains("already allocated")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_local_clients_may_do_all_may() {
        let command = command(&["--enable-debug-command", "local", "--appendonly", "yes"]);
        assert!(command.ends_with(
            &["--enable-debug-command", "yes", "--appendonly", "yes"].map(str::to_owned)
        ));
    }

    #[test]
    fn localhost_is_the_loopback_of_version_four() {
        assert_eq!(
            address("localhost", 7).unwrap(),
            "127.0.0.1:7".parse().unwrap()
        );
        assert_eq!(address("[::1]", 7).unwrap(), "[::1]:7".parse().unwrap());
    }
}
