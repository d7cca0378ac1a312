//! Servers whose master the Sentinels know.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::select_ok;
use redis::{Cmd, FromRedisValue, Value};
use tokio::sync::Notify;

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
    /// The server that was dialled last.
    last: Mutex<Option<Arc<Dialer>>>,
    /// The master that was connected to last.
    master: Mutex<Option<Address>>,
    moved: Notify,
}

/// A host and a port.
type Address = (String, u16);

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
            master: Mutex::default(),
            moved: Notify::new(),
        })
    }

    /// Asks where the master is and connects to it.
    pub(crate) async fn dial_master(&self) -> Result<Connection, ConnectError> {
        let asked = self.sentinels.iter();
        let mut asked: Vec<_> = asked.map(|dialer| Box::pin(self.ask(dialer))).collect();
        let mut tried: Vec<(Address, ConnectError)> = Vec::new();
        // Whoever is cut off names a server that was the master, so each that is named is tried.
        loop {
            let last = tried.last().map(|(_, error)| error.clone());
            let (address, others) = match select_ok(asked).await {
                Ok(found) => found,
                Err(error) => return Err(last.unwrap_or(error)),
            };
            if tried.iter().all(|(known, _)| *known != address) {
                match self.dialer(&address).dial().await {
                    Ok(connection) => {
                        self.is_master(&address);
                        return Ok(connection);
                    }
                    Err(error) => tried.push((address, error)),
                }
            }
            if others.is_empty() {
                let last = tried.pop().map(|(_, error)| error);
                return Err(last.unwrap_or_else(|| self.unknown("nobody knows it")));
            }
            asked = others;
        }
    }

    /// Waits until another server is the master.
    pub(crate) async fn moved(&self) {
        self.moved.notified().await;
    }

    /// Notes where the master is, and tells those who are connected to another.
    fn is_master(&self, address: &Address) {
        let mut master = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        if master
            .replace(address.clone())
            .is_some_and(|before| before != *address)
        {
            self.moved.notify_waiters();
        }
    }

    fn unknown(&self, reason: &str) -> ConnectError {
        let addresses: Vec<_> = self
            .sentinels
            .iter()
            .map(|dialer| dialer.endpoint().to_string())
            .collect();
        ConnectError::UnknownMaster {
            address: addresses.join(","),
            name: self.name.clone(),
            reason: reason.to_owned(),
        }
    }

    async fn ask(&self, dialer: &Dialer) -> Result<Address, ConnectError> {
        let mut ask = Cmd::new();
        ask.arg("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(&self.name);
        match dialer.ask(ask).await? {
            Value::Nil => Err(self.unknown("it watches none of this name")),
            Value::ServerError(error) => Err(self.unknown(&error.to_string())),
            value => <(String, u16)>::from_redis_value(value)
                .map_err(|_| self.unknown("its answer names no address")),
        }
    }

    /// The dialer of the server at an address, the same as long as that is the same.
    fn dialer(&self, (host, port): &Address) -> Arc<Dialer> {
        let endpoint = self.like_master.at(host, *port);
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
