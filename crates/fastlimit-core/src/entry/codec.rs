//! The bytes of an entry.
//!
//! One byte of format version, then a record per limit, integers big-endian:
//!
//! | record | tag | fields |
//! | --- | --- | --- |
//! | fixed window | 1 | period (5 bytes), start (7), used (6) |
//! | sliding window | 2 | period (5), start (7), current (6), previous (6) |
//! | token bucket | 3 | period (5), at (7), whole (6), part (5), time until it is as good as absent (6) |
//!
//! The Redis store's Lua reads and writes the same bytes.

use super::{Entry, Record, Records};
use crate::algorithm::State;
use crate::algorithm::fixed_window::FixedWindow;
use crate::algorithm::sliding_window::SlidingWindow;
use crate::algorithm::token_bucket::{LONGEST_DRAIN_MILLIS, TokenBucket};
use crate::{Algorithm, Cost, Limit, Rate, Timestamp};

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
        for record in self.records.iter() {
            buffer.push(tag(record.state().algorithm()));
            put::<5>(record.period(), buffer);
            put::<7>(record.state().date(), buffer);
            match record.state() {
                State::FixedWindow(window) => put::<6>(window.used, buffer),
                State::SlidingWindow(window) => {
                    put::<6>(window.current, buffer);
                    put::<6>(window.previous, buffer);
                }
                State::TokenBucket(bucket) => {
                    put::<6>(bucket.whole, buffer);
                    put::<5>(bucket.part, buffer);
                    put::<6>(record.dead_at().saturating_sub(bucket.at), buffer);
                }
            }
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
        let mut list: Vec<Record> = Vec::new();
        while !rest.is_empty() {
            let record = take_record(&mut rest).ok_or(EntryError::Malformed)?;
            if list.iter().any(|other| other.is_of(&record.limit())) {
                return Err(EntryError::Malformed);
            }
            list.push(record);
        }
        Ok(Self {
            records: Records::of(list),
        })
    }
}

const fn tag(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::FixedWindow => 1,
        Algorithm::SlidingWindow => 2,
        Algorithm::TokenBucket => 3,
    }
}

fn take_record(rest: &mut &[u8]) -> Option<Record> {
    let (&tag, after) = rest.split_first()?;
    *rest = after;
    let period = take::<5>(rest)?;
    // The number is not a part of the state: it is seen when a request brings its limits.
    let rate = Rate::from_parts(0, period).ok()?;
    let date = take::<7>(rest).filter(|date| *date <= Timestamp::MAX.as_millis())?;
    let start = Some(date).filter(|date| date.checked_rem(period) == Some(0));
    let (state, bucket_dead_at) = match tag {
        1 => {
            let (start, used) = (start?, take_count(rest)?);
            (State::FixedWindow(FixedWindow { start, used }), None)
        }
        2 => {
            let (start, current, previous) = (start?, take_count(rest)?, take_count(rest)?);
            let window = SlidingWindow {
                start,
                current,
                previous,
            };
            (State::SlidingWindow(window), None)
        }
        3 => {
            let whole = take_count(rest)?;
            let part = take::<5>(rest).filter(|part| *part < period)?;
            let drain = take::<6>(rest).filter(|drain| *drain <= LONGEST_DRAIN_MILLIS)?;
            let at = date;
            let bucket = TokenBucket { whole, part, at };
            (State::TokenBucket(bucket), Some(at.saturating_add(drain)))
        }
        _ => return None,
    };
    let limit = Limit::new(rate, state.algorithm());
    // A window's end needs no note.
    Some(Record::new(&limit, state, bucket_dead_at.unwrap_or(0)))
}

fn take_count(rest: &mut &[u8]) -> Option<u64> {
    take::<6>(rest).filter(|count| *count <= Cost::MAX.as_milli())
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
