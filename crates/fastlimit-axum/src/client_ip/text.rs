use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use axum::http::Extensions;

use super::address::ClientAddress;
use super::connected;
use super::prefix::Ipv6Prefix;

/// A [`ClientAddress`] as a text that needs no allocation.
#[derive(Clone, Copy)]
pub(crate) struct ClientText {
    /// ASCII throughout, also behind the text.
    bytes: [u8; ROOM],
    length: usize,
}

/// Room for 39 characters of an IPv6 address and `/128`, rounded up: whole words are validated as
/// UTF-8 much faster than bytes.
const ROOM: usize = 48;

impl ClientText {
    /// The peer of a request; `None` if that is not known.
    pub(crate) fn of_peer(extensions: &Extensions) -> Option<Self> {
        let peer = connected(extensions).ok()?.ip();
        Some(Self::new(ClientAddress::from(peer)))
    }

    pub(super) fn new(client: ClientAddress) -> Self {
        let mut text = Self::default();
        match client.v4() {
            Some(v4) => text.write_dotted(v4),
            // There is room for every client, so nothing is ever left out here.
            None => write!(text, "{client}").unwrap_or_default(),
        }
        text
    }

    /// Writes the client with an address here. What is made elsewhere and then copied takes as long
    /// again: the copy waits for the writes.
    #[inline]
    pub(super) fn write(&mut self, address: IpAddr, prefix: Ipv6Prefix) -> &str {
        match address {
            IpAddr::V4(v4) => self.write_dotted(v4),
            IpAddr::V6(_) => self.write_v6(address, prefix),
        }
        self.as_str()
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        let room = str::from_utf8(&self.bytes).unwrap_or_default();
        room.get(..self.length).unwrap_or_default()
    }

    #[inline(never)]
    fn write_v6(&mut self, address: IpAddr, prefix: Ipv6Prefix) {
        *self = Self::new(ClientAddress::new(address, prefix));
    }

    /// Writes an IPv4 address, without a formatter and without a branch that depends on it: each
    /// of these would take as long as half a check.
    #[inline]
    fn write_dotted(&mut self, address: Ipv4Addr) {
        // At most 16 bytes with a dot behind each octet, the first in the lowest.
        let mut text = 0_u128;
        let mut bits = 0_u32;
        for octet in address.octets() {
            let chunk = OCTETS.get(usize::from(octet)).copied().unwrap_or_default();
            text |= u128::from(chunk).wrapping_shl(bits);
            let digits = u32::from(octet >= 100).wrapping_add(u32::from(octet >= 10));
            bits = bits.wrapping_add(digits.wrapping_mul(8)).wrapping_add(16);
        }
        let (dotted, _) = self.bytes.split_at_mut(16);
        dotted.copy_from_slice(&text.to_le_bytes());
        // The last dot is not part of it.
        let length = usize::try_from(bits / 8).unwrap_or_default();
        self.length = length.saturating_sub(1);
    }
}

/// Each octet in decimal with a dot behind it, the first character in the lowest byte.
static OCTETS: [u32; 256] = octets();

#[expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "it runs when the program is compiled"
)]
const fn octets() -> [u32; 256] {
    let mut octets = [0; 256];
    let mut octet = 0;
    while octet < octets.len() {
        let hundreds = b'0' + (octet / 100) as u8;
        let tens = b'0' + (octet / 10 % 10) as u8;
        let ones = b'0' + (octet % 10) as u8;
        octets[octet] = u32::from_le_bytes(match octet {
            0..10 => [ones, b'.', 0, 0],
            10..100 => [tens, ones, b'.', 0],
            _ => [hundreds, tens, ones, b'.'],
        });
        octet += 1;
    }
    octets
}

impl Default for ClientText {
    #[inline]
    fn default() -> Self {
        Self {
            bytes: [0; ROOM],
            length: 0,
        }
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
