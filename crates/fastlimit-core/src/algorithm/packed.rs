use crate::store::format::{COUNT_BYTES, LENGTH_BYTES, PERIOD_BYTES, TIME_BYTES};

/// A number in as many bytes as its bound needs, big-endian: as it is kept, and as it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed<const BYTES: usize>([u8; BYTES]);

pub(crate) type Period = Packed<PERIOD_BYTES>;
pub(crate) type Time = Packed<TIME_BYTES>;
pub(crate) type Count = Packed<COUNT_BYTES>;
pub(crate) type Length = Packed<LENGTH_BYTES>;

impl<const BYTES: usize> Packed<BYTES> {
    /// Keeps the last bytes of a number. It fits into them by the bounds of the model.
    #[inline]
    pub(crate) fn new(number: u64) -> Self {
        let mut bytes = [0; BYTES];
        if let Some(last) = number.to_be_bytes().last_chunk() {
            bytes = *last;
        }
        Self(bytes)
    }

    #[inline]
    pub(crate) fn get(self) -> u64 {
        let mut bytes = [0; 8];
        if let Some(last) = bytes.last_chunk_mut() {
            *last = self.0;
        }
        u64::from_be_bytes(bytes)
    }

    pub(crate) fn write_to(self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.0);
    }

    /// Takes one from the front of some bytes, if they are long enough.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(Self(*first))
    }
}
