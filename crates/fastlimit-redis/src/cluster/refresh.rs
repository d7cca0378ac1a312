use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Cluster;
use super::map::{self, Range};
use crate::ConnectError;
use crate::dial::Dialer;
use crate::server::pause;

/// The shortest time between two questions for the map, however much has moved.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks for the map of slots at first and whenever it is stale, until the cluster is dropped.
pub(super) async fn run(cluster: Weak<Cluster>, stale: Arc<Notify>) {
    let (mut failures, mut unchanged) = (0_u32, 0_u32);
    let (mut before, mut turn) = (Vec::new(), 0_usize);
    while let Some(cluster) = cluster.upgrade() {
        turn = turn.wrapping_add(1);
        match ask(&cluster, turn).await {
            Ok(ranges) => {
                failures = 0;
                unchanged = match ranges == before {
                    true => unchanged.saturating_add(1),
                    false => 0,
                };
                before.clone_from(&ranges);
                cluster.learn(ranges);
                cluster.first.tell(Ok(()));
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                cluster.not_learnt(&error);
                cluster.first.tell(Err(error));
            }
        }
        drop(cluster);
        // Who asks again and again and hears the same asks less often.
        sleep(PAUSE.max(pause(failures.max(unchanged)))).await;
        // Without an answer it goes on by itself.
        if failures == 0 {
            stale.notified().await;
        }
    }
}

/// Asks one node after the other: those that answer, beginning with another each turn, the
/// others of the map, those known from the start.
async fn ask(cluster: &Cluster, turn: usize) -> Result<Vec<Range>, ConnectError> {
    let map = cluster.map().ok();
    let mut of_map: Vec<_> = map.iter().flat_map(|map| map.members()).collect();
    of_map.sort_by_key(|member| !member.server.is_trusted());
    // Not the same one each time: it may be the one that is wrong.
    let trusted = of_map.partition_point(|member| member.server.is_trusted());
    if let Some(trusted) = of_map.get_mut(..trusted) {
        trusted.rotate_left(turn.checked_rem(trusted.len()).unwrap_or_default());
    }
    let of_map = of_map.into_iter().map(|member| &*member.dialer);
    let mut failed = None;
    for node in of_map.chain(&cluster.seeds) {
        match ask_node(node).await {
            Ok(ranges) => return Ok(ranges),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or(ConnectError::InvalidSetting {
        setting: "cluster",
        expected: "given at least one URL",
    }))
}

async fn ask_node(node: &Dialer) -> Result<Vec<Range>, ConnectError> {
    let mut ask = Cmd::new();
    ask.arg("CLUSTER").arg("SLOTS");
    let address = node.endpoint().to_string();
    let reason = match node.ask(ask).await? {
        Value::ServerError(error) if error.code() == "NOPERM" => {
            let command = "cluster|slots".to_owned();
            return Err(ConnectError::MissingRight { address, command });
        }
        Value::ServerError(error) => error.to_string(),
        answer => match map::read(&answer, node.endpoint().host()) {
            Some(ranges) if !ranges.is_empty() => return Ok(ranges),
            Some(_) => "no slot is assigned".to_owned(),
            None => "its answer cannot be read".to_owned(),
        },
    };
    Err(ConnectError::NoSlots { address, reason })
}
