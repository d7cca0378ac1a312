use fastlimit_core::StoreError;

use crate::batch::Batch;

/// Another server that a node of a cluster names for a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    pub(crate) slot: u16,
    /// Empty or `?` where it is the host of the node that says so.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether it is only for now, while the slot moves: the server takes it after `ASKING`.
    pub(crate) is_asking: bool,
}

impl Elsewhere {
    /// Reads what a server says, such as `MOVED 3999 127.0.0.1:6381`.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let is_asking = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let slot = words.next()?.parse().ok()?;
        let (host, port) = words.next()?.rsplit_once(':')?;
        Some(Self {
            slot,
            host: host.to_owned(),
            port: port.parse().ok()?,
            is_asking,
        })
    }
}

/// Finds the way for what a server of a cluster does not do.
pub(crate) trait Router: Send + Sync {
    /// Sends a batch to the server that was named for it. If that was too often already, the batch fails
    /// with what the other server said.
    fn send_elsewhere(&self, elsewhere: &Elsewhere, batch: Batch, said: &StoreError);

    /// Sends a batch to the servers that are known to have the slots of its keys.
    fn route(&self, batch: Batch);

    /// Takes note that a server cannot be reached, or is left.
    fn has_lost_a_server(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_named_is_read() {
        let elsewhere = |slot, host: &str, port, is_asking| {
            Some(Elsewhere {
                slot,
                host: host.to_owned(),
                port,
                is_asking,
            })
        };
        for (text, expected) in [
            (
                "MOVED 3999 127.0.0.1:6381",
                elsewhere(3999, "127.0.0.1", 6381, false),
            ),
            (
                "ASK 0 redis-2.internal:7000",
                elsewhere(0, "redis-2.internal", 7000, true),
            ),
            ("MOVED 16383 ::1:6379", elsewhere(16383, "::1", 6379, false)),
            ("MOVED 1 :6379", elsewhere(1, "", 6379, false)),
            ("MOVED", None),
            ("MOVED 1 host", None),
            ("MOVED 99999 host:1", None),
            ("CLUSTERDOWN The cluster is down", None),
        ] {
            assert_eq!(Elsewhere::of(text), expected, "{text}");
        }
    }
}
