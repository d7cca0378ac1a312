use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use super::ClientIp;

/// A [`ClientIp`] as a text that needs no allocation.
#[derive(Clone, Copy)]
pub(crate) struct ClientText {
    /// ASCII throughout, also behind the text.
    bytes: [u8; ROOM],
    length: usize,
}

/// Room for `ffff:ffff:ffff:ffff::/64`, rounded up: whole words are validated as UTF-8 much
/// faster than bytes.
const ROOM: usize = 32;

impl ClientText {
    pub(super) fn new(client: ClientIp) -> Self {
        let mut text = Self {
            bytes: [0; ROOM],
            length: 0,
        };
        // There is room for every client, so nothing is ever left out here.
        let _ = match client.0 {
            IpAddr::V4(v4) => text.push_dotted(v4),
            IpAddr::V6(_) => write!(text, "{client}"),
        };
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        let room = str::from_utf8(&self.bytes).unwrap_or_default();
        room.get(..self.length).unwrap_or_default()
    }

    /// Writes an IPv4 address without a formatter, which would take half as long as the check.
    fn push_dotted(&mut self, address: Ipv4Addr) -> fmt::Result {
        for octet in address.octets() {
            let digit = |value: u8| b'0'.saturating_add(value % 10);
            // Four bytes are one store; those behind the dot are written over.
            let (bytes, length) = match octet {
                0..10 => ([digit(octet), b'.', 0, 0], 2),
                10..100 => ([digit(octet / 10), digit(octet), b'.', 0], 3),
                100.. => (
                    [digit(octet / 100), digit(octet / 10), digit(octet), b'.'],
                    4,
                ),
            };
            let end = self.length.saturating_add(bytes.len());
            let place = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
            place.copy_from_slice(&bytes);
            self.length = self.length.saturating_add(length);
        }
        // The last dot is not part of it.
        self.length = self.length.saturating_sub(1);
        Ok(())
    }
}

impl Write for ClientText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.saturating_add(text.len());
        let place = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
