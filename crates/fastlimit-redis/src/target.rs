use std::fmt;

use crate::ConnectError;
use crate::dial::{Connection, Dialer};
use crate::sentinel::Sentinels;

/// Where a server is to be found.
#[derive(Debug)]
pub(crate) enum Target {
    /// At one address.
    Address(Dialer),
    /// Where the Sentinels say.
    Master(Sentinels),
}

impl Target {
    /// Makes one attempt to connect.
    pub(crate) async fn dial(&self) -> Result<Connection, ConnectError> {
        match self {
            Self::Address(dialer) => dialer.dial().await,
            Self::Master(sentinels) => sentinels.dial_master().await,
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
