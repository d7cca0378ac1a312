//! The bytes of an entry.
//!
//! One byte of format version, then a record per limit, integers big-endian:
//!
//! | record | tag | fields |
//! | --- | --- | --- |
//! | fixed window | 1 | period (5 bytes), start (7), used (6) |
//!
//! The Redis store's Lua reads and writes the same bytes.

use smallvec::SmallVec;

use super::{Entry, Record};
use crate::algorithm::State;
use crate::algorithm::fixed_window::Window;
use crate::{Algorithm, Cost, Rate, Timestamp};

const FORMAT: u8 = 1;

/// Why bytes are no [`Entry`].
///
/// ```
/// use fastlimit_core::{Entry, EntryError};
///
/// assert_eq!(Entry::from_bytes(b"\x07"), Err(EntryError::UnknownFormat { found: 7 }));
/// assert_eq!(Entry::from_bytes(b"\x01hello"), Err(EntryError::Malformed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The bytes begin with another version of the format.
    #[error("a value of format version {found}; this version reads format 1")]
    UnknownFormat {
        /// The version that was found.
        found: u8,
    },
    /// The bytes are no records.
    #[error("a value that is not made of rate limit records")]
    Malformed,
}

impl Entry {
    /// Appends the entry's bytes to `buffer`. The format is private to FastLimit until 1.0.
    ///
    /// ```
    /// use fastlimit_core::{Cost, Entry, Limit, Operation, Timestamp};
    ///
    /// let limits: [Limit; 1] = ["2/second".parse()?];
    /// let mut entry = Entry::new();
    /// let _ = entry.apply(&limits, Operation::Check(Cost::ONE), Timestamp::from_millis(5_300));
    ///
    /// let mut bytes = Vec::new();
    /// entry.write_to(&mut bytes);
    /// assert_eq!(Entry::from_bytes(&bytes)?, entry);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_to(&self, buffer: &mut Vec<u8>) {
        buffer.push(FORMAT);
        for record in &self.records {
            let State::FixedWindow(window) = record.state;
            buffer.push(tag(Algorithm::FixedWindow));
            put::<5>(record.period, buffer);
            put::<7>(window.start, buffer);
            put::<6>(window.used, buffer);
        }
    }

    /// Reads an entry from its bytes.
    ///
    /// # Errors
    ///
    /// [`EntryError`] if the bytes are not those of an entry in a format that this version
    /// knows. Leave them as they are then: they are somebody else's.
    ///
    /// ```
    /// use fastlimit_core::Entry;
    ///
    /// assert!(Entry::from_bytes(b"42").is_err());
    /// assert!(Entry::from_bytes(b"").is_err());
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        let (&format, mut rest) = bytes.split_first().ok_or(EntryError::Malformed)?;
        if format != FORMAT {
            return Err(EntryError::UnknownFormat { found: format });
        }
        let mut records: SmallVec<[Record; 1]> = SmallVec::new();
        while !rest.is_empty() {
            let record = take_record(&mut rest).ok_or(EntryError::Malformed)?;
            let twice = |other: &Record| {
                other.period == record.period && other.state.algorithm() == record.state.algorithm()
            };
            if records.iter().any(twice) {
                return Err(EntryError::Malformed);
            }
            records.push(record);
        }
        Ok(Self { records })
    }
}

const fn tag(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::FixedWindow => 1,
    }
}

fn take_record(rest: &mut &[u8]) -> Option<Record> {
    let (&found, after) = rest.split_first()?;
    *rest = after;
    if found != tag(Algorithm::FixedWindow) {
        return None;
    }
    let period = take::<5>(rest)?;
    let start = take::<7>(rest)?;
    let used = take::<6>(rest)?;
    let known = Rate::from_parts(0, period).is_ok()
        && start <= Timestamp::MAX.as_millis()
        && start.checked_rem(period) == Some(0)
        && used <= Cost::MAX.as_milli();
    known.then_some(Record {
        period,
        // Not a part of the state: seen when a request brings its limits.
        capacity: Cost::ZERO,
        state: State::FixedWindow(Window { start, used }),
    })
}

/// Appends the last `N` bytes of `value`, which fits into them by the bounds of the model.
fn put<const N: usize>(value: u64, buffer: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    buffer.extend_from_slice(bytes.get(bytes.len().saturating_sub(N)..).unwrap_or(&bytes));
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(
        bytes
            .iter()
            .fold(0, |value, byte| (value << 8) | u64::from(*byte)),
    )
}
