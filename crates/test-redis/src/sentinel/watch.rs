//! What a sentinel is told and asked.

use std::net::SocketAddr;

use crate::instance::Instance;
use crate::{Client, Error, Reply};

/// What a sentinel is told while the servers find together, in milliseconds: to tell the others
/// of itself more often than it does by itself.
const AT_FIRST: [&str; 4] = ["SENTINEL", "DEBUG", "PUBLISH-PERIOD", "100"];

/// What makes a sentinel quicker than it is by itself, in milliseconds.
///
/// It may not be much quicker. It makes no replica the master of which it has not heard for three
/// of its periods. For four periods of telling the others of itself, it lets a replica be a master
/// of which no other sentinel has told it, and then makes it a replica again: in that time the
/// sentinel that does a failover must see it done, for which it looks once in a second.
///
/// It connects anew at most once in a period of its pings, which must be well below the time after
/// which a server counts as down: it would find a new master down before it is connected to it.
///
/// A machine that is busy for a moment does not make it stand still for half a minute, as it does
/// when its clock jumps.
const FROM_THEN_ON: [&str; 12] = [
    "SENTINEL",
    "DEBUG",
    "PING-PERIOD",
    "500",
    "PUBLISH-PERIOD",
    "1000",
    "INFO-PERIOD",
    "1000",
    "TILT-TRIGGER",
    "10000",
    "TILT-PERIOD",
    "1000",
];

/// Returns the configuration of a sentinel.
pub(super) fn config(name: &str, master: SocketAddr, sentinels: usize) -> String {
    let (host, port) = (master.ip(), master.port());
    let majority = sentinels / 2 + 1;
    format!(
        "sentinel monitor {name} {host} {port} {majority}\n\
         sentinel down-after-milliseconds {name} 1000\n\
         sentinel failover-timeout {name} 3000\n\
         sentinel parallel-syncs {name} 8\n"
    )
}

/// Makes a sentinel quick until [`settle`].
pub(super) fn hasten(sentinel: &Instance) -> Result<(), Error> {
    unless_too_old(sentinel.client()?.command(&AT_FIRST).map(drop))
}

/// Makes a sentinel as quick as it may be, now and after each restart.
pub(super) fn settle(sentinel: &Instance) -> Result<(), Error> {
    unless_too_old(sentinel.set(&FROM_THEN_ON))
}

/// Lets a sentinel of Redis 6 be, which cannot be made quicker and needs some seconds more.
fn unless_too_old(set: Result<(), Error>) -> Result<(), Error> {
    match set {
        Err(Error::Refused { .. }) => Ok(()),
        set => set,
    }
}

/// Returns the master that a sentinel names.
pub(super) fn master(client: &mut Client, name: &str) -> Result<SocketAddr, Error> {
    let reply = client.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name])?;
    let named = match reply.items() {
        [host, port] => host.text().zip(port.text()),
        _ => None,
    };
    named
        .and_then(|(host, port)| format!("{host}:{port}").parse().ok())
        .ok_or_else(|| Error::Missing(format!("master {name}")))
}

/// Fails unless a sentinel knows so many replicas in good order and all the sentinels.
pub(super) fn knows(
    client: &mut Client,
    name: &str,
    replicas: usize,
    sentinels: usize,
) -> Result<(), Error> {
    let known = client.command(&["SENTINEL", "SENTINELS", name])?;
    let well = known.items().iter().filter(|other| {
        // Until it has heard of it, the other one has no identity.
        field(other, "flags") == Some("sentinel")
            && field(other, "runid").is_some_and(|id| !id.is_empty())
    });
    expect("other sentinels", sentinels.saturating_sub(1), well.count())?;
    let known = client.command(&["SENTINEL", "REPLICAS", name])?;
    let in_step = known.items().iter().filter(|replica| {
        field(replica, "flags") == Some("slave")
            && field(replica, "master-link-status") == Some("ok")
    });
    expect("replicas", replicas, in_step.count())
}

fn expect(what: &str, wanted: usize, known: usize) -> Result<(), Error> {
    if known == wanted {
        Ok(())
    } else {
        Err(Error::Missing(format!(
            "sentinel that knows {wanted} {what}: it knows {known}"
        )))
    }
}

/// Returns a field of a list of names and values.
fn field<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.items().chunks(2).find_map(|pair| match pair {
        [key, value] if key.text() == Some(name) => value.text(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_decides() {
        let addr = SocketAddr::from(([127, 0, 0, 1], 7));
        for (sentinels, majority) in [(1, 1), (2, 2), (3, 2), (5, 3)] {
            let line = format!("sentinel monitor name 127.0.0.1 7 {majority}\n");
            assert!(config("name", addr, sentinels).starts_with(&line));
        }
    }

    #[test]
    fn a_field_follows_its_name() {
        let words = ["flags", "slave", "slave", "no"].map(|word| Reply::Status(word.to_owned()));
        let reply = Reply::Array(words.into());
        assert_eq!(field(&reply, "flags"), Some("slave"));
        assert_eq!(field(&reply, "slave"), Some("no"));
        assert_eq!(field(&reply, "no"), None);
    }
}
