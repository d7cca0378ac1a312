//! The servers that tests hold.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::container::Container;
use crate::process::Process;
use crate::source::{Choice, Environment};
use crate::{Error, Source, given};

/// What can be done to a server that this process started; it ends on drop.
pub(crate) trait Server: Send {
    /// Ends the server without warning; what it listened on refuses afterwards.
    fn stop(&mut self) -> Result<(), Error>;
    /// Starts the stopped server on its old port and waits until it answers.
    fn start_again(&mut self) -> Result<(), Error>;
    /// Has the server hang.
    fn pause(&mut self) -> Result<(), Error>;
    /// Has the server go on.
    fn resume(&mut self) -> Result<(), Error>;
}

/// A Redis that answers; one that this process started ends when its last holder drops it.
pub struct TestRedis {
    url: String,
    addr: SocketAddr,
    source: Source,
    unix_socket: Option<PathBuf>,
    /// `None` for the server of a URL, which is somebody else's.
    server: Option<Mutex<Box<dyn Server>>>,
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
        Ok(ExclusiveRedis {
            redis: Self::of(Environment::of_process().exclusive()?, args)?,
            state: Mutex::new(State::Running),
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

    fn of(choice: Choice, args: &[&str]) -> Result<Self, Error> {
        match choice {
            Choice::Url(url) => Ok(Self {
                addr: given::reach(&url)?,
                url,
                source: Source::Url,
                unix_socket: None,
                server: None,
            }),
            Choice::Docker(image) => {
                let container = Container::start(&image, args)?;
                Ok(Self {
                    url: format!("redis://{}/", container.addr()),
                    addr: container.addr(),
                    source: Source::Docker,
                    unix_socket: None,
                    server: Some(Mutex::new(Box::new(container))),
                })
            }
            Choice::Path(program) => {
                let process = Process::start(program, args)?;
                Ok(Self {
                    url: format!("redis://{}/", process.addr()),
                    addr: process.addr(),
                    source: Source::Path,
                    unix_socket: Some(process.unix_socket()),
                    server: Some(Mutex::new(Box::new(process))),
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

/// A Redis of one test alone, which may do to it what an outage does.
///
/// It ends on drop, in whatever state it is.
#[derive(Debug)]
pub struct ExclusiveRedis {
    redis: TestRedis,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Stopped,
}

impl ExclusiveRedis {
    /// Kills the server, as `kill -9` does; its port refuses afterwards.
    ///
    /// A server that is stopped already stays so.
    ///
    /// # Errors
    ///
    /// Fails when the server cannot be reached to be stopped.
    pub fn stop(&self) -> Result<(), Error> {
        let mut state = self.state();
        self.server("stop")?.stop()?;
        *state = State::Stopped;
        Ok(())
    }

    /// Starts the server on the same port, after killing it if it runs, and waits for its answer.
    ///
    /// It starts empty, unless the arguments of [`TestRedis::start_with`] turn persistence on: its
    /// folder stays.
    ///
    /// # Errors
    ///
    /// Fails when the server does not start or answer.
    pub fn restart(&self) -> Result<(), Error> {
        let mut state = self.state();
        let mut server = self.server("restart")?;
        server.stop()?;
        *state = State::Stopped;
        server.start_again()?;
        *state = State::Running;
        Ok(())
    }

    /// Has the server hang: it accepts connections and answers nothing.
    ///
    /// A server that is paused already stays so.
    ///
    /// # Errors
    ///
    /// Fails when the server is stopped.
    pub fn pause(&self) -> Result<(), Error> {
        let mut state = self.state();
        match *state {
            State::Paused => return Ok(()),
            State::Stopped => return Err(stopped("pause")),
            State::Running => self.server("pause")?.pause()?,
        }
        *state = State::Paused;
        Ok(())
    }

    /// Has a paused server go on, with what was sent to it in the meantime.
    ///
    /// A server that runs already stays so.
    ///
    /// # Errors
    ///
    /// Fails when the server is stopped.
    pub fn resume(&self) -> Result<(), Error> {
        let mut state = self.state();
        match *state {
            State::Running => return Ok(()),
            State::Stopped => return Err(stopped("resume")),
            State::Paused => self.server("resume")?.resume()?,
        }
        *state = State::Running;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn server(&self, action: &'static str) -> Result<MutexGuard<'_, Box<dyn Server>>, Error> {
        match &self.redis.server {
            Some(server) => Ok(server.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Err(Error::Control {
                action,
                reason: "it is somebody else's".to_owned(),
            }),
        }
    }
}

impl Deref for ExclusiveRedis {
    type Target = TestRedis;

    fn deref(&self) -> &TestRedis {
        &self.redis
    }
}

fn stopped(action: &'static str) -> Error {
    Error::Control {
        action,
        reason: "it is stopped".to_owned(),
    }
}
