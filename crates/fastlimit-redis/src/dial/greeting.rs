use redis::{Value, from_redis_value};

use super::endpoint::Endpoint;
use super::wanted::Wanted;
use crate::connect_error::ConnectError;

/// What the reply to `HELLO` tells of a server. Something between may leave parts of it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Greeting {
    mode: Option<String>,
    role: Option<String>,
}

impl Greeting {
    /// Reads a map, or the flat list that RESP2 has in its place.
    pub(super) fn of(reply: &Value) -> Self {
        let mut greeting = Self::default();
        for (name, value) in reply.as_map_iter().into_iter().flatten() {
            let text = |value: &Value| from_redis_value::<String>(value.clone()).ok();
            match text(name).as_deref() {
                Some("mode") => greeting.mode = text(value),
                Some("role") => greeting.role = text(value),
                _ => {}
            }
        }
        greeting
    }

    /// Refuses a server that is known to be another than was wanted.
    pub(super) fn judge(&self, endpoint: &Endpoint, wanted: Wanted) -> Result<(), ConnectError> {
        let wrong = |found, instead| {
            Err(ConnectError::WrongServer {
                address: endpoint.to_string(),
                found,
                instead,
            })
        };
        let replica = |instead| {
            Err(ConnectError::Replica {
                address: endpoint.to_string(),
                instead,
            })
        };
        let is_replica = matches!(self.role.as_deref(), Some("replica" | "slave"));
        match (wanted, self.mode.as_deref()) {
            (Wanted::Standalone | Wanted::ClusterNode, Some("sentinel")) => wrong(
                "a Sentinel",
                "write RedisStore::sentinel([..], \"name\") with the name of the master",
            ),
            (Wanted::Master, Some("sentinel")) => wrong(
                "a Sentinel",
                "the Sentinels must name a master by that address",
            ),
            (Wanted::Standalone, Some("cluster")) => {
                wrong("a node of a cluster", "write RedisStore::cluster([..])")
            }
            (Wanted::Master, Some("cluster")) => wrong(
                "a node of a cluster",
                "a cluster needs no Sentinel; write RedisStore::cluster([..])",
            ),
            (Wanted::ClusterNode, Some("standalone")) => wrong(
                "no node of a cluster",
                "write RedisStore::connect(..) with its URL",
            ),
            (Wanted::Sentinel, Some("standalone")) => wrong(
                "no Sentinel",
                "write RedisStore::connect(..) with its URL, or the URLs of Sentinels, whose port \
                 is 26379 by default",
            ),
            (Wanted::Sentinel, Some("cluster")) => wrong(
                "no Sentinel but a node of a cluster",
                "write RedisStore::cluster([..])",
            ),
            (Wanted::Standalone, _) if is_replica => replica(
                "write the URL of its master, or RedisStore::sentinel([..], \"name\"), which \
                 follows the master",
            ),
            (Wanted::Master, _) if is_replica => {
                replica("the Sentinels name it as the master and have to find another one")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    const STANDALONE: Option<&str> = Some("standalone");
    const CLUSTER: Option<&str> = Some("cluster");
    const SENTINEL: Option<&str> = Some("sentinel");

    #[test]
    fn a_greeting_is_read_from_a_map_and_from_a_list() {
        for reply in [
            "%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$4\r\nmode\r\n$7\r\ncluster\r\n$4\r\nrole\r\n+replica\r\n",
            "*6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$4\r\nmode\r\n$7\r\ncluster\r\n$4\r\nrole\r\n+replica\r\n",
        ] {
            let greeting = Greeting::of(&parse_redis_value(reply.as_bytes()).unwrap());
            assert_eq!(greeting.mode.as_deref(), CLUSTER);
            assert_eq!(greeting.role.as_deref(), Some("replica"));
        }
        for reply in ["+OK\r\n", "*1\r\n:1\r\n", "%1\r\n:1\r\n*0\r\n", "$-1\r\n"] {
            let greeting = Greeting::of(&parse_redis_value(reply.as_bytes()).unwrap());
            assert_eq!(greeting, Greeting::default(), "{reply}");
        }
    }

    /// How a server is judged: right, wrong, or a replica.
    fn judged(wanted: Wanted, mode: Option<&str>, role: Option<&str>) -> &'static str {
        let endpoint = Endpoint::parse("redis://ada:hunter2@host").unwrap();
        let greeting = Greeting {
            mode: mode.map(str::to_owned),
            role: role.map(str::to_owned),
        };
        match greeting.judge(&endpoint, wanted) {
            Ok(()) => "right",
            Err(ConnectError::WrongServer { .. }) => "wrong",
            Err(ConnectError::Replica { .. }) => "replica",
            Err(_) => "other",
        }
    }

    #[test]
    fn only_what_is_known_to_be_wrong_is_refused() {
        let (master, replica) = (Some("master"), Some("replica"));
        for (wanted, right) in [
            (Wanted::Standalone, STANDALONE),
            (Wanted::Master, STANDALONE),
            (Wanted::ClusterNode, CLUSTER),
            (Wanted::Sentinel, SENTINEL),
        ] {
            for mode in [STANDALONE, CLUSTER, SENTINEL] {
                let expected = if mode == right { "right" } else { "wrong" };
                assert_eq!(
                    judged(wanted, mode, master),
                    expected,
                    "{wanted:?} {mode:?}"
                );
            }
            assert_eq!(judged(wanted, None, None), "right");
            assert_eq!(judged(wanted, Some("other"), master), "right");
        }
        assert_eq!(judged(Wanted::Standalone, STANDALONE, replica), "replica");
        assert_eq!(judged(Wanted::Master, STANDALONE, replica), "replica");
        assert_eq!(judged(Wanted::ClusterNode, CLUSTER, replica), "right");
    }
}
