use std::fmt;
use std::sync::Arc;

use crate::ConnectError;
use crate::dial::{Connection, Dialer};
use crate::sentinel::Sentinels;

/// Where a server is to be found.
#[derive(Debug)]
pub(crate) enum Target {
    /// At one address.
    Address(Arc<Dialer>),
    /// Where the Sentinels say.
    Master(Box<Sentinels>),
}

impl Target {
    /// Makes one attempt to connect.
    pub(crate) async fn dial(&self) -> Result<Connection, ConnectError> {
        match self {
            Self::Address(dialer) => dialer.dial().await,
            Self::Master(sentinels) => sentinels.dial_master().await,
        }
    }

    /// The host of the server; empty where there is not one.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Address(dialer) => dialer.endpoint().host(),
            Self::Master(_) => "",
        }
    }

    /// Waits until an attempt found another server than the one before; for ever where there is one
    /// address.
    pub(crate) async fn moved(&self) {
        match self {
            Self::Address(_) => std::future::pending().await,
            Self::Master(sentinels) => sentinels.moved().await,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(dialer) => dialer.endpoint().fmt(f),
            Self::Master(sentinels) => sentinels.fmt(f),
        }
    }
}
