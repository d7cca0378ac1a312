//! From an open stream to a connection that has logged in, to the server that was wanted.

use std::io;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ErrorKind, ProtocolVersion, RedisConnectionInfo,
    RedisError, RedisResult, ServerError, Value,
};

use super::connection::{Connection, Driver};
use super::endpoint::Endpoint;
use super::eviction::EvictionWarning;
use super::greeting::Greeting;
use super::probe::{self, Findings};
use super::refusal;
use super::status::{Break, End, StreamStatus};
use super::step::Step;
use super::stream::Stream;
use super::wanted::Wanted;
use crate::connect_error::ConnectError;

/// Requests that may wait in front of a connection before callers queue for a place there.
const REQUESTS_IN_FRONT: usize = 10_000;

/// Whether a server takes a name for a client.
pub(crate) fn is_client_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a handshake is made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake<'dialer> {
    pub(super) endpoint: &'dialer Endpoint,
    pub(super) wanted: Wanted,
    pub(super) client_name: Option<&'dialer str>,
    pub(super) eviction: &'dialer EvictionWarning,
}

/// What the server said to one step.
enum Reply {
    Value(Value),
    Refused(ServerError),
    Lost(RedisError),
}

impl From<RedisResult<Value>> for Reply {
    fn from(result: RedisResult<Value>) -> Self {
        match result {
            Ok(Value::ServerError(error)) => Self::Refused(error),
            Ok(value) => Self::Value(value),
            Err(error) => match ServerError::try_from(error) {
                Ok(error) => Self::Refused(error),
                Err(error) => Self::Lost(error),
            },
        }
    }
}

impl Handshake<'_> {
    /// Logs in, in one round trip.
    pub(super) async fn run(self, stream: Stream) -> Result<Connection, ConnectError> {
        let status = stream.status();
        // Whoever asks has a time limit. The login is this module's, so that the server's own
        // words on it come here, with all the rest, in one round trip; and HELLO names the client
        // without a right to run CLIENT.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(REQUESTS_IN_FRONT);
        let nothing = RedisConnectionInfo::default().set_skip_set_lib_name();
        let made = MultiplexedConnection::new_with_config(&nothing, stream, config).await;
        let (multiplexed, driver) = made.map_err(|error| self.lost(&status, error))?;
        let mut connection = Connection::new(multiplexed, status.clone(), Driver::spawn(driver));

        let steps = self.steps();
        let replies = steps
            .iter()
            .map(|(_, command)| connection.send(command.clone()));
        let replies = join_all(replies).await;
        let steps = steps.into_iter().map(|(step, _)| step);
        for (step, reply) in steps.zip(replies) {
            match Reply::from(reply) {
                Reply::Value(value) => self.judge(step, &value, &mut connection)?,
                Reply::Refused(error) => refusal::judge(self.endpoint, step, &error)?,
                Reply::Lost(error) => return Err(self.lost(&status, error)),
            }
        }
        Ok(connection)
    }

    /// The commands in their order.
    fn steps(&self) -> Vec<(Step, Cmd)> {
        let login = self.endpoint.redis_settings();
        let mut steps = Vec::new();
        let mut hello = Cmd::new();
        hello.arg("HELLO");
        if login.protocol() == ProtocolVersion::RESP2 {
            if let Some(password) = login.password() {
                let mut auth = Cmd::new();
                auth.arg("AUTH").arg(login.username()).arg(password);
                steps.push((Step::Auth, auth));
            }
            hello.arg(2);
        } else {
            hello.arg(3);
            if let Some(password) = login.password() {
                let username = login.username().unwrap_or("default");
                hello.arg("AUTH").arg(username).arg(password);
            }
        }
        if let Some(name) = self.client_name {
            hello.arg("SETNAME").arg(name);
        }
        if login.protocol() == ProtocolVersion::RESP2 {
            steps.push((Step::Greet, hello));
        } else {
            steps.push((Step::Hello, hello));
        }
        // A Sentinel has neither databases nor scripts.
        if self.wanted != Wanted::Sentinel {
            if login.db() != 0 {
                let mut select = Cmd::new();
                select.arg("SELECT").arg(login.db());
                steps.push((Step::Select, select));
            }
            steps.push((Step::Probe, probe::command()));
        }
        steps
    }

    /// Judges an answer that is no error.
    fn judge(
        &self,
        step: Step,
        value: &Value,
        connection: &mut Connection,
    ) -> Result<(), ConnectError> {
        match step {
            Step::Hello | Step::Greet => Greeting::of(value).judge(self.endpoint, self.wanted),
            Step::Auth | Step::Select => Ok(()),
            Step::Probe => {
                let findings = Findings::of(value);
                if let Some(command) = findings.forbidden.into_iter().next() {
                    return Err(ConnectError::MissingRight {
                        address: self.endpoint.to_string(),
                        command,
                    });
                }
                if let Some(policy) = findings.eviction {
                    self.eviction.warn(self.endpoint, &policy);
                }
                connection.set_msetex(findings.has_msetex);
                Ok(())
            }
        }
    }

    /// The error of a connection that ended before all was answered.
    fn lost(&self, status: &StreamStatus, error: RedisError) -> ConnectError {
        let (kind, text) = match status.how_it_ended() {
            Some(End::Closed) => (io::ErrorKind::UnexpectedEof, None),
            #[cfg(feature = "tls-rustls")]
            Some(End::Broken(Break {
                fault: Some(fault), ..
            })) => return fault.told_of(self.endpoint.to_string()),
            Some(End::Broken(Break { kind, text, .. })) => (*kind, Some(text)),
            Some(End::Dropped) | None if error.kind() == ErrorKind::Parse => {
                return ConnectError::WrongServer {
                    address: self.endpoint.to_string(),
                    found: "no Redis server, or one with TLS",
                    instead: "what it answered is no RESP; the URL of a port with TLS begins with \
                              rediss://",
                };
            }
            Some(End::Dropped) | None => {
                return ConnectError::Unreachable {
                    address: self.endpoint.to_string(),
                    source: error,
                };
            }
        };
        let is_plain = matches!(self.endpoint.address(), ConnectionAddr::Tcp(..));
        let is_hung_up = matches!(
            kind,
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
        );
        let text = match text {
            _ if is_hung_up && is_plain => {
                "the server hung up instead of answering the login; the URL of a port with TLS \
                 begins with rediss://"
            }
            _ if is_hung_up => "the server hung up instead of answering the login",
            Some(text) => text.as_str(),
            None => "the login was not answered",
        };
        ConnectError::unreachable(
            self.endpoint.to_string(),
            io::Error::new(kind, text.to_owned()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(url: &str, wanted: Wanted, client_name: Option<&str>) -> Vec<String> {
        let endpoint = Endpoint::parse(url).unwrap();
        let handshake = Handshake {
            endpoint: &endpoint,
            wanted,
            client_name,
            eviction: &EvictionWarning::default(),
        };
        let words = |command: Cmd| {
            let words = command.args_iter().map(|argument| match argument {
                redis::Arg::Simple(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                _ => unreachable!(),
            });
            words.collect::<Vec<_>>().join(" ")
        };
        let steps = handshake.steps().into_iter();
        steps
            .map(|(_, command)| words(command))
            .filter(|words| !words.starts_with("EVAL"))
            .collect()
    }

    #[test]
    fn the_login_follows_the_url() {
        for (url, expected) in [
            ("redis://host", vec!["HELLO 3"]),
            (
                "redis://ada:pw@host/3",
                vec!["HELLO 3 AUTH ada pw", "SELECT 3"],
            ),
            ("redis://:pw@host", vec!["HELLO 3 AUTH default pw"]),
            ("redis://host?protocol=resp2", vec!["HELLO 2"]),
            (
                "redis://:pw@host/1?protocol=resp2",
                vec!["AUTH pw", "HELLO 2", "SELECT 1"],
            ),
            (
                "redis://ada:pw@host?protocol=resp2",
                vec!["AUTH ada pw", "HELLO 2"],
            ),
        ] {
            assert_eq!(commands(url, Wanted::Standalone, None), expected);
        }
        let named = commands("redis://host/1", Wanted::Sentinel, Some("svc"));
        assert_eq!(named, ["HELLO 3 SETNAME svc"]);
    }

    #[test]
    fn a_name_of_a_client_has_no_spaces() {
        for (name, is_valid) in [
            ("fastlimit", true),
            ("a:b-1", true),
            ("", false),
            ("a b", false),
            ("a\nb", false),
            ("é", false),
        ] {
            assert_eq!(is_client_name(name), is_valid, "{name}");
        }
    }
}
