//! Servers whose master the Sentinels know.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::select_ok;
use redis::{Cmd, FromRedisValue, Value};

use crate::ConnectError;
use crate::dial::{Connection, DialSettings, Dialer, Endpoint, Wanted};

/// A master, and the Sentinels that say where it is.
#[derive(Debug)]
pub(crate) struct Sentinels {
    sentinels: Box<[Dialer]>,
    /// What the Sentinels call the master.
    name: String,
    /// A server with the login, database and TLS of the master.
    like_master: Endpoint,
    settings: Arc<DialSettings>,
    /// The master that was named last.
    last: Mutex<Option<Arc<Dialer>>>,
}

impl Sentinels {
    /// The master that Sentinels know by a name. The first of the URLs tells how to log in to the
    /// master; `login` is that to the Sentinels, if they ask for one.
    pub(crate) fn new(
        endpoints: &[Endpoint],
        name: String,
        login: Option<(String, String)>,
        settings: Arc<DialSettings>,
    ) -> Option<Self> {
        let (user, password) = login.unzip();
        // Of a Sentinel that is asked for a password alone the user is `default`.
        let user = user.as_deref().filter(|user| !user.is_empty());
        let sentinels = endpoints.iter().map(|endpoint| {
            let sentinel = endpoint.with_login(user, password.as_deref(), 0);
            Dialer::new(sentinel, Wanted::Sentinel, Arc::clone(&settings))
        });
        Some(Self {
            sentinels: sentinels.collect(),
            like_master: endpoints.first()?.clone(),
            name,
            settings,
            last: Mutex::default(),
        })
    }

    /// Asks where the master is and connects to it.
    pub(crate) async fn dial_master(&self) -> Result<Connection, ConnectError> {
        let asked = self
            .sentinels
            .iter()
            .map(|dialer| Box::pin(self.ask(dialer)));
        // The first that knows is believed: whoever is wrong names a server that is none, or a
        // replica, and is asked again.
        let ((host, port), _others) = select_ok(asked).await?;
        self.dialer(&host, port).dial().await
    }

    async fn ask(&self, dialer: &Dialer) -> Result<(String, u16), ConnectError> {
        let sentinel = dialer.dial().await?;
        let mut ask = Cmd::new();
        ask.arg("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(&self.name);
        let unknown = |reason: String| ConnectError::UnknownMaster {
            address: dialer.endpoint().to_string(),
            name: self.name.clone(),
            reason,
        };
        match sentinel.send(ask).await {
            Ok(Value::Nil) => Err(unknown("it watches none of this name".to_owned())),
            Ok(Value::ServerError(error)) => Err(unknown(error.to_string())),
            Ok(value) => <(String, u16)>::from_redis_value(value)
                .map_err(|_| unknown("its answer names no address".to_owned())),
            Err(source) => Err(ConnectError::Unreachable {
                address: dialer.endpoint().to_string(),
                source,
            }),
        }
    }

    /// The dialer of the server at an address, the same as long as that is the same.
    fn dialer(&self, host: &str, port: u16) -> Arc<Dialer> {
        let endpoint = self.like_master.at(host, port);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(dialer) if dialer.endpoint().address() == endpoint.address() => Arc::clone(dialer),
            _ => {
                let dialer = Dialer::new(endpoint, Wanted::Master, Arc::clone(&self.settings));
                Arc::clone(last.insert(Arc::new(dialer)))
            }
        }
    }
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the master `{}` of", self.name.escape_debug())?;
        for (place, dialer) in self.sentinels.iter().enumerate() {
            let separator = if place == 0 { ' ' } else { ',' };
            write!(f, "{separator}{}", dialer.endpoint())?;
        }
        Ok(())
    }
}
