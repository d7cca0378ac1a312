//! What a server answers.

use std::io::{self, BufRead};

/// How deep replies may be nested.
const DEPTH: u32 = 16;

/// A reply in the second version of Redis's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// No value.
    Nil,
    /// An integer.
    Integer(i64),
    /// A short word of the server's own, such as `OK`.
    Status(String),
    /// A value.
    Bytes(Vec<u8>),
    /// Several replies.
    Array(Vec<Self>),
    /// An error, which starts with its code.
    Error(String),
}

impl Reply {
    /// Returns a status or a value that is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Status(text) => Some(text),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Returns an integer, or a value that spells one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            other => other.text()?.parse().ok(),
        }
    }

    /// Returns the replies of an array; there are none in anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// Reads one reply.
    pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        Self::read_nested(stream, 0)
    }

    fn read_nested(stream: &mut impl BufRead, depth: u32) -> io::Result<Self> {
        if depth > DEPTH {
            return Err(invalid("a reply is nested too deep"));
        }
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some(line) = line.strip_suffix("\r\n") else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut rest = line.chars();
        let kind = rest.next();
        let rest = rest.as_str();
        match kind {
            Some('+') => Ok(Self::Status(rest.to_owned())),
            Some('-') => Ok(Self::Error(rest.to_owned())),
            Some(':') => Ok(Self::Integer(number(rest)?)),
            Some('$') => match usize::try_from(number(rest)?) {
                Err(_) => Ok(Self::Nil),
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    stream.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    Ok(Self::Bytes(bytes))
                }
            },
            Some('*') => match u32::try_from(number(rest)?) {
                Err(_) => Ok(Self::Nil),
                Ok(length) => (0..length)
                    .map(|_| Self::read_nested(stream, depth + 1))
                    .collect::<io::Result<_>>()
                    .map(Self::Array),
            },
            _ => Err(invalid("a reply is of no kind that is known")),
        }
    }
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| invalid("a number is none"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Reply> {
        Reply::read(&mut text.as_bytes())
    }

    #[test]
    fn each_kind_is_read() {
        assert_eq!(read("+OK\r\n").unwrap().text(), Some("OK"));
        assert_eq!(read(":-7\r\n").unwrap().integer(), Some(-7));
        assert_eq!(read("$2\r\n42\r\n").unwrap().integer(), Some(42));
        assert_eq!(read("$-1\r\n").unwrap(), Reply::Nil);
        assert_eq!(read("*-1\r\n").unwrap(), Reply::Nil);
        assert_eq!(
            read("-ERR no\r\n").unwrap(),
            Reply::Error("ERR no".to_owned())
        );
        let nested = read("*2\r\n*1\r\n:1\r\n$4\r\n\r\n\r\n\r\n").unwrap();
        assert_eq!(nested.items()[0].items(), [Reply::Integer(1)]);
        assert_eq!(nested.items()[1].text(), Some("\r\n\r\n"));
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for text in ["", "+OK", "$4\r\nab", ":x\r\n", "!\r\n", "\r\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(read(&"*1\r\n".repeat(100)).is_err());
    }
}
