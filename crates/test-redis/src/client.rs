//! A client for what tests ask of servers.

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::{Error, Reply};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a reply may take, unless it is said otherwise.
const REPLY: Duration = Duration::from_secs(10);

/// A small blocking client, which has nothing to do with the driver under test.
pub struct Client {
    stream: BufReader<Stream>,
    addr: String,
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// Fails when the server does not accept the connection within 2 s.
    pub fn connect(addr: SocketAddr) -> Result<Self, Error> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&addr, CONNECT)?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        };
        Self::over(connect(), addr.to_string())
    }

    /// Connects to a server by its Unix socket.
    ///
    /// # Errors
    ///
    /// Fails when the server does not accept the connection.
    pub fn connect_unix(path: &Path) -> Result<Self, Error> {
        let stream = UnixStream::connect(path).map(Stream::Unix);
        Self::over(stream, path.display().to_string())
    }

    /// Sends one command and returns its reply, within 10 s unless [`Client::set_timeout`] says
    /// otherwise.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Refused`] when the server answers an error, and with
    /// [`Error::NoReply`] when there is no whole reply in time. The connection is of no use after
    /// the latter.
    pub fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Reply, Error> {
        match self.exchange(args) {
            Ok(Reply::Error(reply)) => Err(Error::Refused {
                addr: self.addr.clone(),
                command: args
                    .first()
                    .map(|name| String::from_utf8_lossy(name.as_ref()).into_owned())
                    .unwrap_or_default(),
                reply,
            }),
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Changes how long a reply may take.
    ///
    /// # Errors
    ///
    /// Fails when the time is zero.
    pub fn set_timeout(&mut self, timeout: Duration) -> Result<(), Error> {
        self.stream
            .get_ref()
            .set_timeout(timeout)
            .map_err(|error| self.failed(&error))
    }

    fn over(stream: io::Result<Stream>, addr: String) -> Result<Self, Error> {
        let stream = stream.and_then(|stream| stream.set_timeout(REPLY).map(|()| stream));
        match stream {
            Ok(stream) => Ok(Self {
                stream: BufReader::new(stream),
                addr,
            }),
            Err(error) => Err(no_reply(addr, &error)),
        }
    }

    fn exchange<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args.iter().map(AsRef::as_ref) {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request)?;
        Reply::read(&mut self.stream)
    }

    fn failed(&self, error: &io::Error) -> Error {
        no_reply(self.addr.clone(), error)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

fn no_reply(addr: String, error: &io::Error) -> Error {
    Error::NoReply {
        addr,
        reason: error.to_string(),
    }
}

/// What a client is connected by.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))
            }
            Self::Unix(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
