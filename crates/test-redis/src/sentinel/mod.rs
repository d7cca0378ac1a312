//! A master with its replicas and sentinels, of one test alone.

mod watch;

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::info::Info;
use crate::instance::{Instance, start_all};
use crate::setup::{Role, Setup};
use crate::source::Environment;
use crate::{Client, Error, wait};

/// What the sentinels call their master.
const NAME: &str = "mymaster";

/// How long the servers may take to find together.
const AGREEMENT: Duration = Duration::from_secs(30);

/// How long a failover that is asked for may take, with the attempts that fail.
const FAILOVER: Duration = Duration::from_secs(40);

/// How long one attempt may take: longer than a sentinel waits before it gives up.
const ATTEMPT: Duration = Duration::from_secs(8);

/// A master waits 5 s for further replicas before it sends its data, unless it is told not to.
const SERVER_ARGS: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

/// A master, its replicas and the sentinels that watch them, which end on drop.
///
/// The server 0 is the master at the beginning. A failover changes what a server is, and not its
/// index. A server that was master and starts again is made a replica by the sentinels.
///
/// All are processes of the program on this machine, whatever `FASTLIMIT_TEST_REDIS_SOURCE`
/// forces but `url`: clients reach a container by another address than the sentinels do.
pub struct TestSentinels {
    servers: Vec<Instance>,
    sentinels: Vec<Instance>,
}

impl TestSentinels {
    /// Starts a master with so many replicas and so many sentinels, and waits until the sentinels
    /// know all of them and each other.
    ///
    /// A master counts as down when a majority of the sentinels has not heard of it for 1 s.
    ///
    /// # Errors
    ///
    /// Fails when there is no program to start, when a server does not start, or when the servers
    /// do not find together.
    pub fn start(replicas: usize, sentinels: usize) -> Result<Self, Error> {
        let program = Environment::of_process().own_program()?;
        // With a file, as a sentinel has a server write down whose replica it is.
        let setups = (0..=replicas)
            .map(|_| Setup::new(program.clone(), Role::Standalone, &SERVER_ARGS)?.with_config(""))
            .collect::<Result<_, _>>()?;
        let servers = start_all(setups)?;
        let (master, others) = servers
            .split_first()
            .ok_or_else(|| Error::Missing("master".to_owned()))?;
        follow(master, others)?;
        let config = watch::config(NAME, master.addr(), sentinels);
        let setups = (0..sentinels)
            .map(|_| Setup::new(program.clone(), Role::Sentinel, &[])?.with_config(&config))
            .collect::<Result<_, _>>()?;
        let sentinels = start_all(setups)?;
        sentinels.iter().try_for_each(watch::hasten)?;
        let all = Self { servers, sentinels };
        wait::until("the sentinels know all", AGREEMENT, || {
            all.sentinels.iter().try_for_each(|sentinel| {
                watch::knows(&mut sentinel.client()?, NAME, replicas, all.sentinels.len())
            })
        })?;
        all.sentinels.iter().try_for_each(watch::settle)?;
        Ok(all)
    }

    /// Returns what the sentinels call their master.
    #[must_use]
    pub fn name(&self) -> &str {
        NAME
    }

    /// Returns the URLs of the sentinels.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        let sentinels = self.sentinels.iter();
        sentinels
            .map(|sentinel| sentinel.url().to_owned())
            .collect()
    }

    /// Returns the sentinels.
    #[must_use]
    pub fn sentinels(&self) -> &[Instance] {
        &self.sentinels
    }

    /// Returns the master and its replicas.
    #[must_use]
    pub fn servers(&self) -> &[Instance] {
        &self.servers
    }

    /// Returns the index of the master, as most of the sentinels that run say.
    ///
    /// # Errors
    ///
    /// Fails when no sentinel answers, or when most name none of the servers.
    pub fn master(&self) -> Result<usize, Error> {
        let said = self.said()?;
        let mut votes = HashMap::new();
        for &index in &said {
            *votes.entry(index).or_insert(0) += 1;
        }
        votes
            .into_iter()
            .find(|&(_, votes)| votes * 2 > said.len())
            .map(|(index, _)| index)
            .ok_or_else(|| Error::Missing("master of most sentinels".to_owned()))
    }

    /// Has the sentinels make a replica the master, waits until all of them have, and returns its
    /// index.
    ///
    /// # Errors
    ///
    /// Fails when no replica can be the master, or when it takes too long.
    pub fn failover(&self) -> Result<usize, Error> {
        let old = self.master()?;
        let mut client = self.any_sentinel()?;
        let deadline = Instant::now() + FAILOVER;
        loop {
            // It refuses while another failover goes on, or while it has not heard of a replica.
            wait::until("a sentinel begins the failover", FAILOVER, || {
                client.command(&["SENTINEL", "FAILOVER", NAME]).map(drop)
            })?;
            // It gives up by itself where a replica is slow to become the master.
            let done = self.wait_for_new_master(old, ATTEMPT);
            let was_given_up = matches!(done, Err(Error::Late { .. }))
                && watch::master(&mut client, NAME)? == self.server(old)?.addr();
            if !was_given_up {
                // The others may hear of it later.
                return done.or_else(|_| self.wait_for_new_master(old, FAILOVER));
            }
            if Instant::now() >= deadline {
                return done;
            }
        }
    }

    /// Waits until all sentinels that run name another master than the one given, and that one
    /// is a master; returns its index.
    ///
    /// # Errors
    ///
    /// Fails when there is none in time.
    pub fn wait_for_new_master(&self, old: usize, within: Duration) -> Result<usize, Error> {
        wait::until("there is another master", within, || {
            let said = self.said()?;
            let first = said.first().copied();
            let new = first
                .filter(|&index| index != old && said.iter().all(|&other| other == index))
                .ok_or_else(|| {
                    Error::Missing(format!("other master than {old}: sentinels name {said:?}"))
                })?;
            let mut client = self.server(new)?.client()?;
            Info::of(&mut client, "replication")?.require("role", "master")?;
            Ok::<_, Error>(new)
        })
    }

    /// Waits until so many of the servers that run are replicas of the master and have its data.
    ///
    /// # Errors
    ///
    /// Fails when they are not in time.
    pub fn wait_for_replicas(&self, count: usize, within: Duration) -> Result<(), Error> {
        wait::until("the master has its replicas", within, || {
            let master = self.server(self.master()?)?;
            // The master itself may count a replica twice that has just connected anew.
            let in_step = self
                .servers
                .iter()
                .filter(|server| server.is_running() && is_in_step(server, master).is_ok())
                .count();
            if in_step == count {
                Ok(())
            } else {
                let addr = master.addr();
                Err(Error::Missing(format!(
                    "master of {count} replicas: {addr} has {in_step}"
                )))
            }
        })
    }

    /// Returns the index of the server that each sentinel that runs names as the master.
    fn said(&self) -> Result<Vec<usize>, Error> {
        self.running_sentinels()
            .map(|sentinel| {
                let addr = watch::master(&mut sentinel.client()?, NAME)?;
                self.servers
                    .iter()
                    .position(|server| server.addr() == addr)
                    .ok_or_else(|| Error::Missing(format!("server at {addr}")))
            })
            .collect()
    }

    fn server(&self, index: usize) -> Result<&Instance, Error> {
        self.servers
            .get(index)
            .ok_or_else(|| Error::Missing(format!("server {index}")))
    }

    fn running_sentinels(&self) -> impl Iterator<Item = &Instance> {
        self.sentinels
            .iter()
            .filter(|sentinel| sentinel.is_running())
    }

    fn any_sentinel(&self) -> Result<Client, Error> {
        self.running_sentinels()
            .next()
            .ok_or_else(|| Error::Missing("sentinel that runs".to_owned()))?
            .client()
    }
}

impl fmt::Debug for TestSentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSentinels")
            .field("servers", &self.servers)
            .field("sentinels", &self.sentinels)
            .finish()
    }
}

/// Makes servers replicas of a master and waits until they are in step with it.
fn follow(master: &Instance, replicas: &[Instance]) -> Result<(), Error> {
    let addr = master.addr();
    let (host, port) = (addr.ip().to_string(), addr.port().to_string());
    for replica in replicas {
        let mut client = replica.client()?;
        client.command(&["REPLICAOF", &host, &port])?;
        // A restart finds it there.
        client.command(&["CONFIG", "REWRITE"])?;
    }
    wait::until("the replicas are in step", AGREEMENT, || {
        replicas
            .iter()
            .try_for_each(|replica| is_in_step(replica, master))
    })
}

/// Fails unless a server is a replica of a master and has all of its data.
fn is_in_step(server: &Instance, master: &Instance) -> Result<(), Error> {
    let info = Info::of(&mut server.client()?, "replication")?;
    info.require("role", "slave")?;
    info.require("master_port", &master.addr().port().to_string())?;
    info.require("master_link_status", "up")
}
