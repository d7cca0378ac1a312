use std::time::Duration;

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
    /// Nothing could be connected to.
    #[error("cannot connect to {address}: {source}")]
    #[non_exhaustive]
    Unreachable {
        /// The URL without its password.
        address: String,
        /// What the client met.
        source: RedisError,
    },
    /// The connection was not there in time.
    #[error("cannot connect to {address}: not connected within {} ms", timeout.as_millis())]
    #[non_exhaustive]
    TimedOut {
        /// The URL without its password.
        address: String,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// The server is there and refused the connection: a wrong password, an unknown database.
    #[error("{address} refused the connection: {reason}")]
    #[non_exhaustive]
    Refused {
        /// The URL without its password.
        address: String,
        /// What the server said.
        reason: String,
    },
}
