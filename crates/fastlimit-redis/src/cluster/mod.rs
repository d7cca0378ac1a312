//! A Redis Cluster: which of its servers a key is asked of.

mod map;
mod refresh;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use fastlimit_core::{StoreError, StoreErrorKind};
use map::{Address, Map, Range};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::ConnectError;
use crate::batch::Batch;
use crate::dial::{DialSettings, Dialer, Endpoint, Wanted};
use crate::failure;
use crate::server::{Elsewhere, Router, Server, Settings};
use crate::target::Target;

/// The servers of a cluster, and the map of its slots.
///
/// What is asked goes to the server that has the key's slot. A server that does not have it any more
/// names the one that has, and has done nothing, so that it is asked there. The map is asked for anew
/// then, and when a server cannot be reached.
pub(crate) struct Cluster {
    name: String,
    /// Known from the start.
    seeds: Box<[Endpoint]>,
    dial: Arc<DialSettings>,
    settings: Arc<Settings>,
    runtime: Handle,
    map: RwLock<Known>,
    /// Asks for the map anew.
    stale: Arc<Notify>,
    first: watch::Sender<Option<Result<(), ConnectError>>>,
    this: Weak<Self>,
}

/// What is known of the slots.
enum Known {
    /// Nothing yet.
    Nothing,
    /// Nothing, and why.
    Failed(StoreError),
    Slots(Arc<Map>),
}

impl Cluster {
    /// Makes the cluster of some of its nodes, and has it connected on a runtime. `None` if there are
    /// no nodes.
    pub(crate) fn start(
        seeds: Vec<Endpoint>,
        dial: Arc<DialSettings>,
        settings: Arc<Settings>,
        runtime: &Handle,
    ) -> Option<Arc<Self>> {
        let name = format!("the cluster of {}", seeds.first()?);
        let cluster = Arc::new_cyclic(|this| Self {
            name,
            seeds: seeds.into(),
            dial,
            settings,
            runtime: runtime.clone(),
            map: RwLock::new(Known::Nothing),
            stale: Arc::default(),
            first: watch::Sender::new(None),
            this: this.clone(),
        });
        let stale = Arc::clone(&cluster.stale);
        runtime.spawn(refresh::run(Arc::downgrade(&cluster), stale));
        Some(cluster)
    }

    /// Waits until the map is there and a server is, or until it is known that none is.
    pub(crate) async fn connected(&self) -> Result<(), ConnectError> {
        let mut first = self.first.subscribe();
        let result = first.wait_for(Option::is_some).await;
        result
            .ok()
            .and_then(|result| result.clone())
            .unwrap_or(Ok(()))?;
        let servers: Vec<_> = match self.map() {
            Ok(map) => map
                .servers()
                .map(|(_, server)| Arc::clone(server))
                .collect(),
            Err(_) => Vec::new(),
        };
        let mut result = Ok(());
        for server in servers {
            match server.connected().await {
                Ok(()) => return Ok(()),
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// The server that has a slot.
    pub(crate) fn server_of(&self, slot: u16) -> Result<Arc<Server>, StoreError> {
        match self.map()?.server_of(slot) {
            Some(server) => Ok(Arc::clone(server)),
            None => {
                self.stale.notify_one();
                let message = format!("no server of {} has the slot {slot}", self.name);
                Err(StoreError::new(StoreErrorKind::Refused, message))
            }
        }
    }

    /// A slot of each server that has any.
    pub(crate) fn slots_of_servers(&self) -> Result<Vec<u16>, StoreError> {
        Ok(self.map()?.slots_of_servers().collect())
    }

    fn map(&self) -> Result<Arc<Map>, StoreError> {
        match &*self.map.read().unwrap_or_else(PoisonError::into_inner) {
            Known::Slots(map) => Ok(Arc::clone(map)),
            Known::Failed(error) => Err(error.clone()),
            Known::Nothing => Err(failure::not_connected_yet(&self.name)),
        }
    }

    fn set_map(&self, map: Map) {
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = Known::Slots(Arc::new(map));
    }

    /// Takes a new map over. What waits for servers that have left it goes to those that have their
    /// slots now.
    fn learn(&self, ranges: Vec<Range>) {
        let before = self.map().ok();
        let known = |address: &Address| Some(Arc::clone(before.as_ref()?.server_at(address)?));
        let map = Map::new(ranges, |address| {
            known(address).unwrap_or_else(|| self.open(address))
        });
        let has_left = |address: &Address| map.server_at(address).is_none();
        let left = before.iter().flat_map(|before| before.servers());
        let left: Vec<_> = left
            .filter(|(address, _)| has_left(address))
            .map(|(_, server)| Arc::clone(server))
            .collect();
        self.set_map(map);
        for server in left {
            for batch in server.leave(&self.runtime) {
                self.route(batch);
            }
        }
    }

    /// Notes that the map could not be had.
    fn not_learnt(&self, error: &ConnectError) {
        let mut known = self.map.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*known, Known::Slots(_)) {
            let kind = error.kind_of_store_error();
            let error = StoreError::new(kind, error.to_string()).with_source(error.clone());
            *known = Known::Failed(error);
        }
    }

    fn tell_first(&self, result: Result<(), ConnectError>) {
        self.first.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(result);
            }
            is_first
        });
    }

    fn open(&self, (host, port): &Address) -> Arc<Server> {
        let dialer = Dialer::new(
            self.like(host, *port),
            Wanted::ClusterNode,
            Arc::clone(&self.dial),
        );
        let router: Weak<dyn Router> = self.this.clone();
        let settings = Arc::clone(&self.settings);
        Server::start(
            Target::Address(dialer),
            settings,
            Some(router),
            &self.runtime,
        )
    }

    /// Another node, with the login and TLS of the first.
    fn like(&self, host: &str, port: u16) -> Endpoint {
        #[expect(clippy::indexing_slicing, reason = "there is one at least")]
        self.seeds[0].at(host, port)
    }

    /// Sends a batch whose keys have one slot to the server that has it.
    fn route(&self, batch: Batch) {
        for batch in batch.by(crate::slot::slot_of) {
            let (key, _) = batch.first_key();
            match self.server_of(crate::slot::slot_of(key)) {
                Ok(server) => server.take_over(batch),
                Err(error) => batch.fail(&error),
            }
        }
    }
}

impl Router for Cluster {
    fn send_elsewhere(
        &self,
        elsewhere: &Elsewhere,
        from: &str,
        mut batch: Batch,
        said: &StoreError,
    ) {
        let Ok(map) = self.map() else {
            return batch.fail(said);
        };
        if !batch.go_elsewhere(elsewhere.is_asking) {
            return batch.fail(said);
        }
        let host = match elsewhere.host.as_str() {
            "" => host_of(&map, from),
            host => host.to_owned(),
        };
        let address = (host, elsewhere.port);
        let mut map = (*map).clone();
        let server = match map.server_at(&address) {
            Some(server) => Arc::clone(server),
            None => {
                let server = self.open(&address);
                map.add(address.clone(), Arc::clone(&server));
                server
            }
        };
        if !elsewhere.is_asking {
            map.set_slot(elsewhere.slot, &address);
            self.stale.notify_one();
        }
        self.set_map(map);
        server.take_over(batch);
    }

    fn has_lost_a_server(&self) {
        self.stale.notify_one();
    }
}

/// The host of a server by its name.
fn host_of(map: &Map, name: &str) -> String {
    let mut servers = map.servers();
    let found = servers.find(|(_, server)| server.name() == name);
    found.map(|((host, _), _)| host.clone()).unwrap_or_default()
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
