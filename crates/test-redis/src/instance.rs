//! A server process of one test, by itself or among others.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::control::Control;
use crate::process::Process;
use crate::setup::{Role, Setup};
use crate::{Client, Error};

/// A server process, which a test may stop and pause.
pub struct Instance {
    addr: SocketAddr,
    url: String,
    /// Where a client is connected that speaks no TLS, if the server wants it over TCP.
    unix_socket: Option<PathBuf>,
    control: Control,
    /// The commands that the server forgets at a restart.
    settings: Mutex<Vec<Vec<String>>>,
}

impl Instance {
    /// Starts a process.
    pub(crate) fn start(setup: Setup) -> Result<Self, Error> {
        let is_tls = setup.role == Role::Tls;
        let scheme = if is_tls { "rediss" } else { "redis" };
        let process = Process::start(setup)?;
        Ok(Self {
            addr: process.addr(),
            url: format!("{scheme}://{}/", process.addr()),
            unix_socket: is_tls.then(|| process.unix_socket()),
            control: Control::new(process),
            settings: Mutex::default(),
        })
    }

    /// Returns the URL for clients, such as `redis://127.0.0.1:20123/`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address on which the server listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connects a client that has nothing to do with the driver under test.
    ///
    /// # Errors
    ///
    /// Fails when the server does not accept the connection.
    pub fn client(&self) -> Result<Client, Error> {
        match &self.unix_socket {
            Some(path) => Client::connect_unix(path),
            None => Client::connect(self.addr),
        }
    }

    /// Kills the server, as `kill -9` does; its port refuses afterwards.
    ///
    /// # Errors
    ///
    /// Fails when the server cannot be reached to be stopped.
    pub fn stop(&self) -> Result<(), Error> {
        self.control.stop()
    }

    /// Starts the server on the same port, after killing it if it runs, and waits for its answer.
    ///
    /// It keeps its folder, so it finds its place among the others; its data is gone, unless
    /// persistence was turned on.
    ///
    /// # Errors
    ///
    /// Fails when the server does not start or answer.
    pub fn restart(&self) -> Result<(), Error> {
        self.control.restart()?;
        let settings = self
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        settings.iter().try_for_each(|command| self.send(command))
    }

    /// Has the server hang: it accepts connections and answers nothing.
    ///
    /// # Errors
    ///
    /// Fails when the server is stopped.
    pub fn pause(&self) -> Result<(), Error> {
        self.control.pause()
    }

    /// Has a paused server go on, with what was sent to it in the meantime.
    ///
    /// # Errors
    ///
    /// Fails when the server is stopped.
    pub fn resume(&self) -> Result<(), Error> {
        self.control.resume()
    }

    /// Whether the server is neither stopped nor paused by the test.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.control.is_running()
    }

    /// Sends a command now and after each restart.
    pub(crate) fn set(&self, command: &[&str]) -> Result<(), Error> {
        let command: Vec<_> = command.iter().map(|&word| word.to_owned()).collect();
        self.send(&command)?;
        self.settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(command);
        Ok(())
    }

    fn send(&self, command: &[String]) -> Result<(), Error> {
        self.client()?.command(command).map(drop)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("addr", &self.addr)
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}

/// Starts several processes at the same time.
pub(crate) fn start_all(setups: Vec<Setup>) -> Result<Vec<Instance>, Error> {
    std::thread::scope(|scope| {
        let starting: Vec<_> = setups
            .into_iter()
            .map(|setup| scope.spawn(|| Instance::start(setup)))
            .collect();
        starting
            .into_iter()
            .map(|starting| match starting.join() {
                Ok(started) => started,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}
