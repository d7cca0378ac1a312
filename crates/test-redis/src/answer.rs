//! Waits until a server answers.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_millis(500);

/// Waits until a server answers `PING`, or returns what the last attempt met.
///
/// `hopeless` tells, before each attempt, why no further attempt can succeed.
pub(crate) fn wait(
    addr: SocketAddr,
    deadline: Instant,
    mut hopeless: impl FnMut() -> Option<String>,
) -> Result<(), String> {
    loop {
        if let Some(reason) = hopeless() {
            return Err(reason);
        }
        match ping(addr) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error.to_string()),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Asks a server once whether it is there.
///
/// A server that wants a password is there as well: what it says is its caller's affair.
fn ping(addr: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&addr, ATTEMPT)?;
    stream.set_read_timeout(Some(ATTEMPT))?;
    stream.set_write_timeout(Some(ATTEMPT))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "it answers {:?}",
            answer.trim_end()
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Listens on a free port and gives each client the same answer.
    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let mut order = String::new();
                BufReader::new(&client).read_line(&mut order).unwrap();
                client.write_all(answer.as_bytes()).unwrap();
            }
        });
        addr
    }

    #[test]
    fn a_server_that_loads_is_waited_for() {
        let addr = answering("-LOADING Redis is loading the dataset in memory\r\n");
        let error = wait(addr, Instant::now(), || None).unwrap_err();
        assert!(error.contains("LOADING"), "{error}");
    }

    #[test]
    fn a_server_with_a_password_is_there() {
        let addr = answering("-NOAUTH Authentication required.\r\n");
        wait(addr, Instant::now(), || None).unwrap();
    }

    #[test]
    fn no_attempt_follows_when_it_is_hopeless() {
        let addr = answering("+PONG\r\n");
        let error = wait(addr, Instant::now(), || Some("it exited".to_owned())).unwrap_err();
        assert_eq!(error, "it exited");
    }
}
