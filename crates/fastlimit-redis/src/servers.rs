use std::sync::Arc;

use fastlimit_core::StoreError;
use fastlimit_core::store::Key;

use crate::ConnectError;
use crate::batch::{ItemKey, TextKey, Ticket};
use crate::cluster::Cluster;
use crate::server::{Ask, Server};
use crate::slot::slot_of;

/// What a store is made of.
#[derive(Clone, Debug)]
pub(crate) enum Servers {
    /// One server has all keys.
    One(Arc<Server>),
    /// Each has its slots.
    Cluster(Arc<Cluster>),
}

impl Servers {
    /// Waits for what comes of the first attempt to connect.
    pub(crate) async fn connected(&self) -> Result<(), ConnectError> {
        match self {
            Self::One(server) => server.connected().await,
            Self::Cluster(cluster) => cluster.connected().await,
        }
    }

    /// Has a key asked for; an error is the answer.
    pub(crate) fn ask(&self, ask: Ask<impl ItemKey>) -> Result<Ticket, StoreError> {
        match self {
            Self::One(server) => server.lane(ask.key.hash()).add_one(&ask),
            Self::Cluster(cluster) => {
                let mut text = String::new();
                ask.key.write_to(&mut text);
                let server = cluster.server_of(slot_of(&text))?;
                let hash = ask.key.hash();
                server.lane(hash).add_one(&Ask {
                    key: TextKey { text: &text, hash },
                    shape: ask.shape,
                    deadline: ask.deadline,
                })
            }
        }
    }

    /// Has several keys asked for together: on one server by one lane, that of the first, so that they
    /// leave together.
    pub(crate) fn ask_all<K: ItemKey>(&self, asks: Vec<Ask<K>>) -> Vec<Result<Ticket, StoreError>> {
        match (self, asks.first()) {
            (_, None) => Vec::new(),
            (Self::Cluster(_), _) => asks.into_iter().map(|ask| self.ask(ask)).collect(),
            (Self::One(server), Some(first)) => match server.lane(first.key.hash()).add(&asks) {
                Ok(tickets) => tickets.into_iter().map(Ok).collect(),
                Err(error) => asks.iter().map(|_| Err(error.clone())).collect(),
            },
        }
    }

    /// For each server an identifier whose key it has, in the place of that of `key`.
    pub(crate) fn identifiers(&self, key: &Key<'_>) -> Result<Vec<String>, StoreError> {
        let identifier = key.identifier();
        let cluster = match self {
            Self::One(_) => return Ok(vec![identifier.to_owned()]),
            Self::Cluster(cluster) => cluster,
        };
        let named = |number| format!("{identifier}:{number}");
        let numbers = cluster.numbers_of_servers(|number| {
            let identifier = named(number);
            let key = Key::new(key.prefix(), key.policy(), key.tenant(), &identifier);
            slot_of(&key.to_string())
        });
        Ok(numbers?.into_iter().map(named).collect())
    }
}
