//! The bytes of an entry: [`format`](crate::store::format) says what they are.

use super::records::Records;
use super::{Entry, Record};
use crate::store::format::VERSION;

/// Why bytes are no [`Entry`].
///
/// ```
/// use fastlimit::store::{Entry, EntryError};
///
/// assert_eq!(Entry::from_bytes(b"\x07"), Err(EntryError::UnknownFormat { found: 7 }));
/// assert_eq!(Entry::from_bytes(b"\x01hello"), Err(EntryError::Malformed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The bytes begin with another version of the format.
    #[error("a value of format version {found}; this version reads format {VERSION}")]
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
    pub fn write_to(&self, buffer: &mut Vec<u8>) {
        buffer.push(VERSION);
        for record in self.records.as_slice() {
            record.encode(buffer);
        }
    }

    /// Reads an entry from its bytes.
    ///
    /// # Errors
    ///
    /// [`EntryError`] if the bytes are not those of an entry in a format that this version
    /// knows. Leave them as they are then: they are somebody else's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        let (&version, mut rest) = bytes.split_first().ok_or(EntryError::Malformed)?;
        if version != VERSION {
            return Err(EntryError::UnknownFormat { found: version });
        }
        let mut records = Records::NONE;
        while !rest.is_empty() {
            let record = Record::decode(&mut rest).ok_or(EntryError::Malformed)?;
            if !records.add(record) {
                return Err(EntryError::Malformed);
            }
        }
        Ok(Self { records })
    }
}
