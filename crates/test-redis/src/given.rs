//! A server that runs already, named by a URL.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::{Error, Source, answer};

/// How long the server may take to answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// Returns the address of the server that a URL names, once it answers.
pub(crate) fn reach(url: &str) -> Result<SocketAddr, Error> {
    let target = Target::parse(url)?;
    let addr = (target.host, target.port)
        .to_socket_addrs()
        .ok()
        .and_then(|mut addrs| addrs.next())
        .ok_or(Error::InvalidUrl("its host has no address"))?;
    // Over TLS a plain PING would not be understood; the client reports what is wrong there.
    if !target.tls {
        answer::wait(addr, Instant::now() + DEADLINE, || None).map_err(|reason| {
            Error::NotReady {
                origin: Source::Url,
                addr,
                waited: DEADLINE,
                reason,
                log: String::new(),
            }
        })?;
    }
    Ok(addr)
}

#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    host: &'a str,
    port: u16,
    tls: bool,
}

impl<'a> Target<'a> {
    /// Takes the host and port out of a URL; errors never repeat it, as it may hold a password.
    fn parse(url: &'a str) -> Result<Self, Error> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or(Error::InvalidUrl("it has no scheme"))?;
        let tls = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(Error::InvalidUrl("its scheme is neither redis nor rediss")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = authority
            .rsplit_once('@')
            .map_or(authority, |(_, address)| address);
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest
                    .split_once(']')
                    .ok_or(Error::InvalidUrl("its `[` is not closed"))?;
                (host, rest.strip_prefix(':'))
            }
            None => match address.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (address, None),
            },
        };
        if host.is_empty() {
            return Err(Error::InvalidUrl("it has no host"));
        }
        let port = port
            .map_or(Ok(6379), str::parse)
            .map_err(|_| Error::InvalidUrl("its port is no port"))?;
        Ok(Self { host, port, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (&str, u16, bool) {
        let target = Target::parse(url).unwrap();
        (target.host, target.port, target.tls)
    }

    #[test]
    fn host_and_port_are_found() {
        assert_eq!(parsed("redis://localhost"), ("localhost", 6379, false));
        assert_eq!(parsed("redis://h:7000/2"), ("h", 7000, false));
        assert_eq!(
            parsed("rediss://user:p@ss:word@h:1?protocol=resp3"),
            ("h", 1, true)
        );
        assert_eq!(parsed("redis://[::1]:7/"), ("::1", 7, false));
        assert_eq!(parsed("redis://[::1]"), ("::1", 6379, false));
    }

    #[test]
    fn a_bad_url_is_an_error_without_its_password() {
        for url in [
            "localhost:6379",
            "unix:///secret",
            "http://secret@h",
            "redis://:secret@",
            "redis://:secret@h:port",
            "redis://:secret@[::1",
        ] {
            let error = Target::parse(url).unwrap_err();
            assert!(matches!(error, Error::InvalidUrl(_)), "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
