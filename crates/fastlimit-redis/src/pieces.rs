use redis::{ServerError, Value};

/// What is left to read of a reply of the script.
#[derive(Clone, Debug)]
pub(crate) enum Pieces<'reply> {
    /// Numbers alone, as one text: 8 bytes each, big-endian.
    Numbers(&'reply [[u8; 8]]),
    /// Numbers among other things, or very many.
    Values(&'reply [Value]),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Piece<'reply> {
    Number(i64),
    Text(&'reply [u8]),
    Error(&'reply ServerError),
}

impl<'reply> Pieces<'reply> {
    /// `None` if the script never answers so.
    pub(crate) fn of(reply: &'reply Value) -> Option<Self> {
        match reply {
            Value::BulkString(bytes) => match bytes.as_chunks() {
                (numbers, []) => Some(Self::Numbers(numbers)),
                _ => None,
            },
            Value::Array(values) => Some(Self::Values(values)),
            _ => None,
        }
    }

    /// Takes the next piece; `None` if there is none, or it is none of the script's.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Piece<'reply>> {
        match self {
            Self::Numbers(numbers) => {
                let (&first, rest) = numbers.split_first()?;
                *numbers = rest;
                Some(Piece::Number(i64::from_be_bytes(first)))
            }
            Self::Values(values) => {
                let (first, rest) = values.split_first()?;
                *values = rest;
                match first {
                    Value::Int(number) => Some(Piece::Number(*number)),
                    Value::BulkString(text) => Some(Piece::Text(text)),
                    Value::ServerError(error) => Some(Piece::Error(error)),
                    _ => None,
                }
            }
        }
    }

    /// Takes the next piece if it is a number.
    #[inline]
    pub(crate) fn take_number(&mut self) -> Option<i64> {
        match self.take()? {
            Piece::Number(number) => Some(number),
            Piece::Text(_) | Piece::Error(_) => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.is_empty(),
            Self::Values(values) => values.is_empty(),
        }
    }
}
