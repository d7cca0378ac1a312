//! Why a test has no Redis.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::Source;

/// How to get a server, as every error about a missing one tells.
const HOW_TO_GET_ONE: &str = "\
To get one, do any of these:
  - run `cargo xtask test`, which installs or builds what is missing
  - install redis-server: `apt-get install redis-server`, `dnf install redis`, \
`apk add redis` or `brew install redis`
  - start Docker, with the image of FASTLIMIT_TEST_REDIS_IMAGE present or a registry to pull it from
  - set FASTLIMIT_TEST_REDIS_URL to a server that runs, such as redis://127.0.0.1:6379/";

/// Why a server cannot be had, or does not do what it is told.
///
/// `Debug` prints what `Display` prints, so that a failed `unwrap` in a test can be read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `FASTLIMIT_TEST_REDIS_SOURCE` holds a word that names no source.
    #[error("FASTLIMIT_TEST_REDIS_SOURCE is `{0}`; it can be `url`, `docker` or `path`")]
    UnknownSource(String),
    /// No source has a server to offer.
    #[error("no Redis for the tests\n{}\n{HOW_TO_GET_ONE}", Reasons(.0))]
    NoServer(Vec<(Source, String)>),
    /// The source that `FASTLIMIT_TEST_REDIS_SOURCE` forces has no server to offer.
    #[error(
        "FASTLIMIT_TEST_REDIS_SOURCE forces `{source_forced}`, which has no Redis: {reason}\n{HOW_TO_GET_ONE}"
    )]
    ForcedSource {
        /// The source that is forced.
        source_forced: Source,
        /// Why it has no server.
        reason: String,
    },
    /// A server for one test alone is asked for, and only the server of a URL is allowed.
    #[error(
        "this test needs a server of its own, and FASTLIMIT_TEST_REDIS_SOURCE forces `url`; \
         leave that variable unset, and the test starts one by Docker or from the PATH"
    )]
    ExclusiveFromUrl,
    /// There is no program to start a cluster, sentinels or a server with TLS from.
    #[error(
        "this test needs a redis-server program, since clusters, sentinels and servers with TLS \
         are started from one: {0}\n\
         To get one, run `cargo xtask test`, or install it: `apt-get install redis-server`, \
         `dnf install redis`, `apk add redis` or `brew install redis`"
    )]
    NoProgram(String),
    /// `FASTLIMIT_TEST_REDIS_URL` is no URL of a Redis over TCP.
    #[error("FASTLIMIT_TEST_REDIS_URL is no URL of a Redis over TCP: {0}")]
    InvalidUrl(&'static str),
    /// The server does not start.
    #[error("Redis does not start ({origin}): {reason}{}", Tail(.log))]
    Start {
        /// Where the server was to come from.
        origin: Source,
        /// What went wrong.
        reason: String,
        /// The last lines that the server printed.
        log: String,
    },
    /// The server runs and does not answer in time.
    #[error("Redis at {addr} ({origin}) does not answer PING within {waited:?}: {reason}{}", Tail(.log))]
    NotReady {
        /// Where the server comes from.
        origin: Source,
        /// Where it should answer.
        addr: SocketAddr,
        /// How long it was waited for.
        waited: Duration,
        /// What the last attempt met.
        reason: String,
        /// The last lines that the server printed.
        log: String,
    },
    /// A server answers a command with an error.
    #[error("Redis at {addr} refuses {command}: {reply}")]
    Refused {
        /// Where the server answers.
        addr: String,
        /// The command's name, without its arguments, which may hold a secret.
        command: String,
        /// The error that the server answered, its code included.
        reply: String,
    },
    /// A command cannot be sent, or its reply cannot be read.
    #[error("no reply of Redis at {addr}: {reason}")]
    NoReply {
        /// Where the server should answer.
        addr: String,
        /// What went wrong.
        reason: String,
    },
    /// Servers did not come to a state in time.
    #[error("waited {waited:?} in vain until {state}: {seen}")]
    Late {
        /// The state that was waited for.
        state: String,
        /// How long it was waited for.
        waited: Duration,
        /// What there was at the end instead.
        seen: String,
    },
    /// What a test asks for is not there, such as the node of a slot that nobody serves.
    #[error("there is no {0}")]
    Missing(String),
    /// The certificates of a server cannot be made.
    #[error("cannot make the certificates of a server: {0}")]
    Certificates(String),
    /// The proxy cannot listen.
    #[error("the fault proxy cannot listen: {0}")]
    Proxy(String),
    /// The server cannot be stopped, paused or resumed.
    #[error("cannot {action} Redis: {reason}")]
    Control {
        /// What was to be done to it.
        action: &'static str,
        /// What went wrong.
        reason: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One line for each source that has no server.
struct Reasons<'a>(&'a [(Source, String)]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (source, reason)) in self.0.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}  {source}: {reason}")?;
        }
        Ok(())
    }
}

/// The last lines of a server's log under a heading, or nothing.
struct Tail<'a>(&'a str);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "\nthe server's last lines:\n{}", self.0)
    }
}
