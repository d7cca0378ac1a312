//! The server that tests share, and how each server is had.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::container::Container;
use crate::control::Control;
use crate::process::Process;
use crate::setup::{Role, Setup};
use crate::source::{Choice, Environment};
use crate::{Error, ExclusiveRedis, Source, given};

/// A Redis that answers; one that this process started ends when its last holder drops it.
pub struct TestRedis {
    url: String,
    addr: SocketAddr,
    source: Source,
    unix_socket: Option<PathBuf>,
    /// `None` for the server of a URL, which is somebody else's.
    control: Option<Control>,
}

impl TestRedis {
    /// Returns the server that the tests of this process share.
    ///
    /// The first caller starts it, callers at the same moment wait for it, and the last holder's
    /// drop ends it; the next caller then starts another one.
    ///
    /// # Errors
    ///
    /// Fails when there is no server to be had, or when it does not start or answer.
    pub fn shared() -> Result<Arc<Self>, Error> {
        // Weak, as a static is never dropped and would keep the server for ever.
        static SHARED: Mutex<Weak<TestRedis>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(redis) = shared.upgrade() {
            return Ok(redis);
        }
        let redis = Arc::new(Self::of(Environment::of_process().shared()?, &[])?);
        *shared = Arc::downgrade(&redis);
        Ok(redis)
    }

    /// Starts a server for one test alone.
    ///
    /// # Errors
    ///
    /// Fails as [`TestRedis::shared`] does, and when `FASTLIMIT_TEST_REDIS_SOURCE` is `url`.
    pub fn start() -> Result<ExclusiveRedis, Error> {
        Self::start_with(&[])
    }

    /// Starts a server for one test alone with arguments of its own.
    ///
    /// They are those of `redis-server`, such as `["--enable-debug-command", "local"]`, and win
    /// over the harness's, which turn persistence off. A container gets `yes` for that `local`,
    /// since its clients are not local to it. The log level must stay at `notice` or below: the
    /// line that tells of readiness is waited for.
    ///
    /// # Errors
    ///
    /// Fails as [`TestRedis::start`] does.
    pub fn start_with(args: &[&str]) -> Result<ExclusiveRedis, Error> {
        let choice = Environment::of_process().exclusive()?;
        Ok(ExclusiveRedis::new(Self::of(choice, args)?))
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

    /// Returns the server's Unix socket, which only a server from the `PATH` has.
    #[must_use]
    pub fn unix_socket(&self) -> Option<&Path> {
        self.unix_socket.as_deref()
    }

    /// Returns where the server comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// Returns what stops and pauses the server, unless it is somebody else's.
    pub(crate) fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    fn of(choice: Choice, args: &[&str]) -> Result<Self, Error> {
        match choice {
            Choice::Url(url) => Ok(Self {
                addr: given::reach(&url)?,
                url,
                source: Source::Url,
                unix_socket: None,
                control: None,
            }),
            Choice::Docker(image) => {
                let container = Container::start(&image, args)?;
                Ok(Self {
                    url: format!("redis://{}/", container.addr()),
                    addr: container.addr(),
                    source: Source::Docker,
                    unix_socket: None,
                    control: Some(Control::new(container)),
                })
            }
            Choice::Path(program) => {
                let process = Process::start(Setup::new(program, Role::Standalone, args)?)?;
                Ok(Self {
                    url: format!("redis://{}/", process.addr()),
                    addr: process.addr(),
                    source: Source::Path,
                    unix_socket: Some(process.unix_socket()),
                    control: Some(Control::new(process)),
                })
            }
        }
    }
}

impl fmt::Debug for TestRedis {
    /// Leaves the URL out, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRedis")
            .field("addr", &self.addr)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
