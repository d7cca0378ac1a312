//! What a test may do to a server of its own.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Error;

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
    /// Returns where other servers of the same source reach it.
    fn addr_for_servers(&self) -> Result<SocketAddr, Error>;
}

/// A server with the state that it was brought to.
pub(crate) struct Control(Mutex<Controlled>);

struct Controlled {
    server: Box<dyn Server>,
    state: State,
}

/// What a server was brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Stopped,
}

impl Control {
    /// Takes over a server that runs.
    pub(crate) fn new(server: impl Server + 'static) -> Self {
        Self(Mutex::new(Controlled {
            server: Box::new(server),
            state: State::Running,
        }))
    }

    /// Ends the server, if it has not ended.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        let mut controlled = self.lock();
        controlled.server.stop()?;
        controlled.state = State::Stopped;
        Ok(())
    }

    /// Starts the server, after ending it if it runs.
    pub(crate) fn restart(&self) -> Result<(), Error> {
        let mut controlled = self.lock();
        controlled.server.stop()?;
        controlled.state = State::Stopped;
        controlled.server.start_again()?;
        controlled.state = State::Running;
        Ok(())
    }

    /// Has the server hang, if it does not.
    pub(crate) fn pause(&self) -> Result<(), Error> {
        let mut controlled = self.lock();
        match controlled.state {
            State::Paused => return Ok(()),
            State::Stopped => return Err(stopped("pause")),
            State::Running => controlled.server.pause()?,
        }
        controlled.state = State::Paused;
        Ok(())
    }

    /// Has the server go on, if it hangs.
    pub(crate) fn resume(&self) -> Result<(), Error> {
        let mut controlled = self.lock();
        match controlled.state {
            State::Running => return Ok(()),
            State::Stopped => return Err(stopped("resume")),
            State::Paused => controlled.server.resume()?,
        }
        controlled.state = State::Running;
        Ok(())
    }

    /// Whether the server is neither stopped nor paused, as far as the test has done it.
    pub(crate) fn is_running(&self) -> bool {
        self.lock().state == State::Running
    }

    /// Returns where other servers of the same source reach it.
    pub(crate) fn addr_for_servers(&self) -> Result<SocketAddr, Error> {
        self.lock().server.addr_for_servers()
    }

    fn lock(&self) -> MutexGuard<'_, Controlled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopped(action: &'static str) -> Error {
    Error::Control {
        action,
        reason: "it is stopped".to_owned(),
    }
}
