use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Cluster;
use super::map::{self, Range};
use crate::ConnectError;
use crate::dial::{Dialer, Endpoint, Wanted};
use crate::server::pause;

/// The shortest time between two questions for the map, however much has moved.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks for the map of slots at first and whenever it is stale, until the cluster is dropped.
pub(super) async fn run(cluster: Weak<Cluster>, stale: Arc<Notify>) {
    let mut failures = 0_u32;
    while let Some(cluster) = cluster.upgrade() {
        match ask(&cluster).await {
            Ok(ranges) => {
                failures = 0;
                cluster.learn(ranges);
                cluster.tell_first(Ok(()));
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                cluster.not_learnt(&error);
                cluster.tell_first(Err(error));
            }
        }
        drop(cluster);
        sleep(PAUSE.max(pause(failures))).await;
        // Without an answer it goes on by itself.
        if failures == 0 {
            stale.notified().await;
        }
    }
}

/// Asks one node after the other: those that answer, the others of the map, those known from the
/// start.
async fn ask(cluster: &Cluster) -> Result<Vec<Range>, ConnectError> {
    let of_map = cluster.map().ok();
    let mut of_map: Vec<_> = of_map.iter().flat_map(|map| map.servers()).collect();
    of_map.sort_by_key(|(_, server)| !server.is_open());
    let of_map = of_map.into_iter();
    let of_map = of_map.map(|((host, port), _)| cluster.like(host, *port));
    let nodes: Vec<Endpoint> = of_map.chain(cluster.seeds.iter().cloned()).collect();
    let mut failed = None;
    for node in nodes {
        match ask_node(cluster, node).await {
            Ok(ranges) => return Ok(ranges),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or(ConnectError::InvalidSetting {
        setting: "cluster",
        expected: "given at least one URL",
    }))
}

async fn ask_node(cluster: &Cluster, node: Endpoint) -> Result<Vec<Range>, ConnectError> {
    let host = node.host().to_owned();
    let address = node.to_string();
    let dialer = Dialer::new(node, Wanted::ClusterNode, Arc::clone(&cluster.dial));
    let connection = dialer.dial().await?;
    let mut ask = Cmd::new();
    ask.arg("CLUSTER").arg("SLOTS");
    let reason = match connection.send(ask).await {
        Ok(Value::ServerError(error)) => error.to_string(),
        Ok(answer) => match map::read(&answer, &host) {
            Some(ranges) if !ranges.is_empty() => return Ok(ranges),
            Some(_) => "no slot is assigned".to_owned(),
            None => "its answer cannot be read".to_owned(),
        },
        Err(source) => return Err(ConnectError::Unreachable { address, source }),
    };
    Err(ConnectError::NoSlots { address, reason })
}
