use std::sync::Arc;

use redis::Value;

use crate::dial::Dialer;
use crate::server::Server;
use crate::slot::SLOTS;

/// Where a server of a cluster is.
pub(super) type Address = (String, u16);

/// Numbers that are tried at most to find one for each server.
const MOST_TRIES: u32 = 200_000;

/// Which server has which slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    servers: Vec<Member>,
    /// Of each slot the place of its server among them.
    slots: Vec<Option<u16>>,
}

/// A server of the cluster.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) address: Address,
    pub(super) server: Arc<Server>,
    /// For what is not asked by the server's lanes.
    pub(super) dialer: Arc<Dialer>,
}

impl Map {
    /// Makes the map of ranges of slots; `member` makes a server of an address, or finds it.
    pub(super) fn new(ranges: Vec<Range>, member: impl Fn(&Address) -> Member) -> Self {
        let mut map = Self {
            servers: Vec::new(),
            slots: vec![None; usize::from(SLOTS)],
        };
        for range in ranges {
            let place = map
                .place_of(&range.master)
                .or_else(|| map.add(member(&range.master)));
            let slots = usize::from(range.first)..=usize::from(range.last);
            if let Some(slots) = map.slots.get_mut(slots) {
                slots.fill(place);
            }
        }
        map
    }

    pub(super) fn server_of(&self, slot: u16) -> Option<&Arc<Server>> {
        let place = (*self.slots.get(usize::from(slot))?)?;
        self.servers
            .get(usize::from(place))
            .map(|member| &member.server)
    }

    pub(super) fn member_at(&self, address: &Address) -> Option<&Member> {
        let mut servers = self.servers.iter();
        servers.find(|member| member.address == *address)
    }

    /// The servers that have slots, and those that were added.
    pub(super) fn members(&self) -> &[Member] {
        &self.servers
    }

    /// For each server that has slots the first number to which `slot_of` gives one of them.
    pub(super) fn numbers_of_servers(&self, slot_of: impl Fn(u32) -> u16) -> Vec<u32> {
        let places = (0..self.servers.len()).filter_map(|place| u16::try_from(place).ok());
        let mut left: Vec<u16> = places
            .filter(|place| self.slots.contains(&Some(*place)))
            .collect();
        let mut numbers = Vec::with_capacity(left.len());
        // A server of a single slot takes some 16,384.
        for number in 0..MOST_TRIES {
            if left.is_empty() {
                break;
            }
            let owner = self.slots.get(usize::from(slot_of(number))).copied();
            let before = left.len();
            left.retain(|place| owner.flatten() != Some(*place));
            if left.len() < before {
                numbers.push(number);
            }
        }
        numbers
    }

    fn place_of(&self, address: &Address) -> Option<u16> {
        let mut servers = self.servers.iter();
        let place = servers.position(|member| member.address == *address);
        u16::try_from(place?).ok()
    }

    /// Adds a server, and returns its place.
    pub(super) fn add(&mut self, member: Member) -> Option<u16> {
        self.servers.push(member);
        u16::try_from(self.servers.len().saturating_sub(1)).ok()
    }

    /// Notes that a server that the map knows has a slot.
    pub(super) fn set_slot(&mut self, slot: u16, address: &Address) {
        let place = self.place_of(address);
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            *slot = place.or(*slot);
        }
    }
}

/// A range of slots and the address of its master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    first: u16,
    last: u16,
    master: Address,
}

/// Reads the answer to `CLUSTER SLOTS` of a node at `host`; `None` if it is none.
pub(super) fn read(answer: &Value, host: &str) -> Option<Vec<Range>> {
    let Value::Array(ranges) = answer else {
        return None;
    };
    let ranges = ranges.iter().map(|range| {
        let Value::Array(parts) = range else {
            return None;
        };
        let [
            Value::Int(first),
            Value::Int(last),
            Value::Array(master),
            ..,
        ] = parts.as_slice()
        else {
            return None;
        };
        let [named, Value::Int(port), ..] = master.as_slice() else {
            return None;
        };
        let named = match named {
            Value::BulkString(name) => std::str::from_utf8(name).ok()?,
            Value::SimpleString(name) => name,
            _ => "",
        };
        Some(Range {
            first: u16::try_from(*first).ok()?,
            last: u16::try_from(*last).ok().filter(|last| *last < SLOTS)?,
            master: (
                // A node that does not know its own name is where it was asked.
                match named {
                    "" | "?" => host.to_owned(),
                    named => named.to_owned(),
                },
                u16::try_from(*port).ok()?,
            ),
        })
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    #[test]
    fn ranges_are_read_with_their_masters() {
        let answer = parse_redis_value(
            b"*2\r\n\
            *4\r\n:0\r\n:5460\r\n\
            *4\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n*0\r\n\
            *3\r\n$9\r\n127.0.0.1\r\n:7003\r\n$2\r\nid\r\n\
            *3\r\n:5461\r\n:16383\r\n*3\r\n$-1\r\n:7001\r\n$2\r\nid\r\n",
        )
        .unwrap();
        let range = |first, last, host: &str, port| Range {
            first,
            last,
            master: (host.to_owned(), port),
        };
        let expected = vec![
            range(0, 5_460, "127.0.0.1", 7_000),
            range(5_461, 16_383, "asked", 7_001),
        ];
        assert_eq!(read(&answer, "asked"), Some(expected));
    }

    #[test]
    fn what_is_no_map_is_none() {
        for answer in [
            &b":1\r\n"[..],
            b"*1\r\n:1\r\n",
            b"*1\r\n*2\r\n:0\r\n:1\r\n",
            b"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nh\r\n:1\r\n",
            b"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n",
            b"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n:99999\r\n",
        ] {
            assert_eq!(read(&parse_redis_value(answer).unwrap(), "h"), None);
        }
    }
}
