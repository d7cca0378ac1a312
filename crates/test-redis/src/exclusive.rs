//! A server that belongs to one test.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use crate::control::Control;
use crate::info::Info;
use crate::{Client, Error, TestRedis, wait};

/// How long a replica may take to have all of its master's data.
const REPLICATION: Duration = Duration::from_secs(20);

/// A Redis of one test alone, which may do to it what an outage does.
///
/// It ends on drop, in whatever state it is.
pub struct ExclusiveRedis {
    redis: TestRedis,
}

impl ExclusiveRedis {
    pub(crate) fn new(redis: TestRedis) -> Self {
        Self { redis }
    }

    /// Kills the server, as `kill -9` does; its port refuses afterwards.
    ///
    /// A server that is stopped already stays so.
    ///
    /// # Errors
    ///
    /// Fails when the server cannot be reached to be stopped.
    pub fn stop(&self) -> Result<(), Error> {
        self.own("stop")?.stop()
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
        self.own("restart")?.restart()
    }

    /// Has the server hang: it accepts connections and answers nothing.
    ///
    /// A server that is paused already stays so.
    ///
    /// # Errors
    ///
    /// Fails when the server is stopped.
    pub fn pause(&self) -> Result<(), Error> {
        self.own("pause")?.pause()
    }

    /// Has a paused server go on, with what was sent to it in the meantime.
    ///
    /// A server that runs already stays so.
    ///
    /// # Errors
    ///
    /// Fails when the server is stopped.
    pub fn resume(&self) -> Result<(), Error> {
        self.own("resume")?.resume()
    }

    /// Connects a client that has nothing to do with the driver under test.
    ///
    /// # Errors
    ///
    /// Fails when the server does not accept the connection.
    pub fn client(&self) -> Result<Client, Error> {
        Client::connect(self.redis.addr())
    }

    /// Makes this server a replica of another and waits until it has all of its data.
    ///
    /// `REPLICAOF NO ONE` makes it a master again, and so does a restart.
    ///
    /// # Errors
    ///
    /// Fails when one of the servers does not answer, or when the data does not arrive in time.
    pub fn replicate(&self, master: &Self) -> Result<(), Error> {
        // A master waits 5 s for further replicas otherwise.
        let delay = ["CONFIG", "SET", "repl-diskless-sync-delay", "0"];
        master.client()?.command(&delay)?;
        let addr = master.own("replicate")?.addr_for_servers()?;
        let (host, port) = (addr.ip().to_string(), addr.port().to_string());
        let mut client = self.client()?;
        client.command(&["REPLICAOF", &host, &port])?;
        wait::until("the replica has its master's data", REPLICATION, || {
            Info::of(&mut client, "replication")?.require("master_link_status", "up")
        })
    }

    fn own(&self, action: &'static str) -> Result<&Control, Error> {
        self.redis.control().ok_or_else(|| Error::Control {
            action,
            reason: "it is somebody else's".to_owned(),
        })
    }
}

impl Deref for ExclusiveRedis {
    type Target = TestRedis;

    fn deref(&self) -> &TestRedis {
        &self.redis
    }
}

impl fmt::Debug for ExclusiveRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExclusiveRedis").field(&self.redis).finish()
    }
}
