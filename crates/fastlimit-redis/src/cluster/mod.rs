//! A Redis Cluster: which of its servers a key is asked of.

mod map;
mod refresh;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use fastlimit_core::{StoreError, StoreErrorKind};
use map::{Address, Map, Member, Range};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::ConnectError;
use crate::batch::Batch;
use crate::dial::{DialSettings, Dialer, Endpoint, Wanted};
use crate::failure;
use crate::first::First;
use crate::server::{Elsewhere, Router, Server, Settings};
use crate::slot::slot_of;
use crate::target::Target;

/// The servers of a cluster, and the map of its slots.
///
/// What is asked goes to the server that has the key's slot. A server that does not have it any more
/// names the one that has, and has done nothing, so that it is asked there. The map is asked for anew
/// then, and when a server cannot be reached.
pub(crate) struct Cluster {
    name: String,
    /// Known from the start.
    seeds: Box<[Dialer]>,
    /// A node with the login and TLS of all.
    like_node: Endpoint,
    dial: Arc<DialSettings>,
    settings: Arc<Settings>,
    runtime: Handle,
    map: RwLock<Known>,
    /// Asks for the map anew.
    stale: Arc<Notify>,
    first: First,
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
        let like_node = seeds.first()?.clone();
        let name = format!("the cluster of {like_node}");
        let seed = |endpoint| Dialer::new(endpoint, Wanted::ClusterNode, Arc::clone(&dial));
        let seeds = seeds.into_iter().map(seed).collect();
        let cluster = Arc::new_cyclic(|this| Self {
            name,
            seeds,
            like_node,
            dial,
            settings,
            runtime: runtime.clone(),
            map: RwLock::new(Known::Nothing),
            stale: Arc::default(),
            first: First::new(),
            this: this.clone(),
        });
        let stale = Arc::clone(&cluster.stale);
        runtime.spawn(refresh::run(Arc::downgrade(&cluster), stale));
        Some(cluster)
    }

    /// Waits until the map is there and a server is, or until it is known that none is.
    pub(crate) async fn connected(&self) -> Result<(), ConnectError> {
        self.first.told().await?;
        let servers: Vec<_> = match self.map() {
            Ok(map) => map
                .members()
                .iter()
                .map(|member| Arc::clone(&member.server))
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

    /// For each server a number to which `slot_of` gives one of its slots.
    pub(crate) fn numbers_of_servers(
        &self,
        slot_of: impl Fn(u32) -> u16,
    ) -> Result<Vec<u32>, StoreError> {
        Ok(self.map()?.numbers_of_servers(slot_of))
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
        let known = |address: &Address| before.as_ref()?.member_at(address).cloned();
        let map = Map::new(ranges, |address| {
            known(address).unwrap_or_else(|| self.open(address))
        });
        let left = before.iter().flat_map(|before| before.members());
        let left: Vec<_> = left
            .filter(|member| map.member_at(&member.address).is_none())
            .map(|member| Arc::clone(&member.server))
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

    fn open(&self, address: &Address) -> Member {
        let (host, port) = address;
        let endpoint = self.like_node.at(host, *port);
        let dialer = Dialer::new(endpoint, Wanted::ClusterNode, Arc::clone(&self.dial));
        let dialer = Arc::new(dialer);
        let router: Weak<dyn Router> = self.this.clone();
        let server = Server::start(
            Target::Address(Arc::clone(&dialer)),
            Arc::clone(&self.settings),
            Some(router),
            &self.runtime,
        );
        Member {
            address: address.clone(),
            server,
            dialer,
        }
    }

    /// Has a server take a batch over, later if that has been tried before.
    fn hand_over(&self, server: Arc<Server>, batch: Batch, hops: u8) {
        if hops < HOPS_WITHOUT_PAUSE {
            return server.take_over(batch);
        }
        self.runtime.spawn(async move {
            sleep(PAUSE_OF_HOPS).await;
            server.take_over(batch);
        });
    }
}

/// How often a batch goes to another server that was named for it, and how often without a pause: while
/// the servers of a cluster agree on something new, two may name each other.
const MOST_HOPS: u8 = 32;
const HOPS_WITHOUT_PAUSE: u8 = 4;
const PAUSE_OF_HOPS: Duration = Duration::from_millis(10);

impl Router for Cluster {
    fn send_elsewhere(&self, elsewhere: &Elsewhere, mut batch: Batch, said: &StoreError) {
        let hops = batch.go_elsewhere(elsewhere.is_asking);
        let Some(map) = self.map().ok().filter(|_| hops <= MOST_HOPS) else {
            return batch.fail(said);
        };
        let address = (elsewhere.host.clone(), elsewhere.port);
        let known = map.member_at(&address).cloned();
        let member = known.clone().unwrap_or_else(|| self.open(&address));
        if known.is_none() || !elsewhere.is_asking {
            let mut map = (*map).clone();
            if known.is_none() {
                map.add(member.clone());
            }
            if !elsewhere.is_asking {
                map.set_slot(elsewhere.slot, &address);
            }
            self.set_map(map);
        }
        if !elsewhere.is_asking {
            self.stale.notify_one();
        }
        self.hand_over(member.server, batch, hops);
    }

    fn route(&self, batch: Batch) {
        for mut batch in batch.by(slot_of) {
            let hops = batch.go_elsewhere(false);
            let (key, _) = batch.first_key();
            match self.server_of(slot_of(key)) {
                Ok(_) if hops > MOST_HOPS => batch.fail(&failure::no_server(&self.name)),
                Ok(server) => self.hand_over(server, batch, hops),
                Err(error) => batch.fail(&error),
            }
        }
    }

    fn has_lost_a_server(&self) {
        self.stale.notify_one();
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
