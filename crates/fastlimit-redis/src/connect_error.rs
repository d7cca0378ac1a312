use std::fmt;
use std::io;
use std::time::Duration;

use fastlimit_core::StoreErrorKind;
use redis::RedisError;

/// Why a [`RedisStore`](crate::RedisStore) could not be built or connected.
///
/// No text of it holds a password.
///
/// ```
/// use fastlimit::{ConnectError, RedisStore};
///
/// # async fn run() {
/// let error = RedisStore::connect("http://user:secret@127.0.0.1/").await.unwrap_err();
/// assert!(matches!(error, ConnectError::InvalidUrl { .. }));
/// assert!(!error.to_string().contains("secret"));
/// # }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(std::pin::pin!(run()).poll(&mut context).is_ready());
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none of a Redis server.
    #[error(
        "not the URL of a Redis server: {reason}; expected redis://, rediss://, redis+unix:// or \
         unix://"
    )]
    #[non_exhaustive]
    InvalidUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// A setting of the builder makes no sense.
    #[error("{setting} must be {expected}")]
    #[non_exhaustive]
    InvalidSetting {
        /// The builder's method.
        setting: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// The URL asks for TLS, which this build does not have.
    #[error("{address} needs TLS: enable the feature `tls-rustls` of fastlimit-redis")]
    #[non_exhaustive]
    TlsDisabled {
        /// The URL without its password.
        address: String,
    },
    /// There is no tokio runtime here.
    #[error("a Redis store needs a tokio runtime around it")]
    NoRuntime,
    /// Nothing could be connected to, or the connection broke before the server had answered.
    #[error("cannot connect to {address}: {source}")]
    #[non_exhaustive]
    Unreachable {
        /// The URL without its password.
        address: String,
        /// What the client met.
        source: RedisError,
    },
    /// The connection was not there in time.
    #[error("cannot connect to {address}: not connected within {} ms: {stage}", timeout.as_millis())]
    #[non_exhaustive]
    TimedOut {
        /// The URL without its password.
        address: String,
        /// How long it was waited for.
        timeout: Duration,
        /// What hung.
        stage: ConnectStage,
    },
    /// The certificates of the two sides do not fit, or cannot be read.
    #[error("TLS with {address} failed: {reason}")]
    #[non_exhaustive]
    Certificate {
        /// The URL without its password.
        address: String,
        /// What is wrong, and with which side's certificate.
        reason: String,
    },
    /// The server lets in nobody with this user and password.
    #[error("{address} refused the login: {reason}")]
    #[non_exhaustive]
    Unauthorized {
        /// The URL without its password.
        address: String,
        /// What the server said.
        reason: String,
    },
    /// The user may not run a command that the store needs.
    #[error(
        "{address}: the user may not run `{command}`; allow it by ACL SETUSER with \
         +{command}"
    )]
    #[non_exhaustive]
    MissingRight {
        /// The URL without its password.
        address: String,
        /// The command, in small letters.
        command: String,
    },
    /// The server does not have the database that the URL names.
    #[error("{address} has no database {database}: {reason}; end the URL with one that it has")]
    #[non_exhaustive]
    NoDatabase {
        /// The URL without its password.
        address: String,
        /// The number in the URL.
        database: i64,
        /// What the server said.
        reason: String,
    },
    /// The server does not speak RESP3.
    #[error("{address} does not speak RESP3: {reason}; add ?protocol=resp2 to the URL")]
    #[non_exhaustive]
    NoResp3 {
        /// The URL without its password.
        address: String,
        /// What the server said.
        reason: String,
    },
    /// What listens there is not what the store was told that it is.
    #[error("{address} is {found}: {instead}")]
    #[non_exhaustive]
    WrongServer {
        /// The URL without its password.
        address: String,
        /// What it is.
        found: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// The server is a replica, which takes no writes. It may become a master by itself.
    #[error("{address} is a replica: {instead}")]
    #[non_exhaustive]
    Replica {
        /// The URL without its password.
        address: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// The server is there and serves nobody for now: it loads its data, has lost its master, is
    /// busy with a script or has its fill of clients.
    #[error("{address} is not ready: {reason}")]
    #[non_exhaustive]
    NotReady {
        /// The URL without its password.
        address: String,
        /// What the server said.
        reason: String,
    },
    /// The server is there and refused the connection, in words that fit nothing else.
    #[error("{address} refused the connection: {reason}")]
    #[non_exhaustive]
    Refused {
        /// The URL without its password.
        address: String,
        /// What the server said.
        reason: String,
    },
}

/// What a connection waited for when its time was over; of [`ConnectError::TimedOut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectStage {
    /// The addresses of the host's name.
    Resolving,
    /// An address that takes the connection.
    Connecting,
    /// The server's part in the opening of TLS.
    Tls,
    /// The server's answer to the login.
    Login,
}

impl fmt::Display for ConnectStage {
    /// Says what hung, and what the reason may be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "the name of the host was not resolved",
            Self::Connecting => "no address took the connection",
            Self::Tls => {
                "the server did not answer the TLS handshake; the URL of a port without TLS begins \
                 with redis://"
            }
            Self::Login => "the server did not answer the login",
        })
    }
}

impl ConnectError {
    /// The error of a server to which there is no connection, given its URL without the password.
    pub(crate) fn unreachable(address: String, error: io::Error) -> Self {
        Self::Unreachable {
            address,
            source: RedisError::from(error),
        }
    }

    /// What is known of an operation that needed the connection. It never left.
    #[allow(
        dead_code,
        reason = "the store is built on it in the next step of its rebuilding"
    )]
    pub(crate) fn kind_of_store_error(&self) -> StoreErrorKind {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Refused { .. } => {
                StoreErrorKind::NotSent
            }
            Self::NotReady { .. } | Self::Replica { .. } => StoreErrorKind::Refused,
            Self::InvalidUrl { .. }
            | Self::InvalidSetting { .. }
            | Self::TlsDisabled { .. }
            | Self::NoRuntime
            | Self::Certificate { .. }
            | Self::Unauthorized { .. }
            | Self::MissingRight { .. }
            | Self::NoDatabase { .. }
            | Self::NoResp3 { .. }
            | Self::WrongServer { .. } => StoreErrorKind::Misconfigured,
        }
    }
}
