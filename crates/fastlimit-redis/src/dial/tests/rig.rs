use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{Cmd, Value, from_redis_value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::{Connection, DialSettings, Dialer, Endpoint, Wanted};
use crate::ConnectError;

/// How the connections of these tests are named at the server.
pub(super) const NAME: &str = "fastlimit-dial-test";

pub(super) fn settings() -> DialSettings {
    DialSettings {
        connect_timeout: Duration::from_secs(2),
        client_name: Some(NAME.to_owned()),
        #[cfg(feature = "tls-rustls")]
        tls: super::super::Tls::default(),
    }
}

pub(super) fn dialer(url: &str, wanted: Wanted, settings: DialSettings) -> Dialer {
    Dialer::new(Endpoint::parse(url).unwrap(), wanted, Arc::new(settings))
}

pub(super) async fn dial(url: &str, wanted: Wanted) -> Result<Connection, ConnectError> {
    dialer(url, wanted, settings()).dial().await
}

/// The URL with `?protocol=`.
pub(super) fn speaking(url: &str, protocol: &str) -> String {
    format!("{url}?protocol={protocol}")
}

pub(super) const PROTOCOLS: [&str; 2] = ["resp2", "resp3"];

/// Runs a command that must not fail.
pub(super) async fn run(connection: &Connection, words: &[&str]) -> Value {
    let mut command = Cmd::new();
    command.arg(words);
    let value = connection.send(command).await.unwrap();
    assert!(
        !matches!(value, Value::ServerError(_)),
        "{words:?} {value:?}"
    );
    value
}

pub(super) async fn text(connection: &Connection, words: &[&str]) -> String {
    from_redis_value(run(connection, words).await).unwrap()
}

/// A server that answers what comes first with these bytes, and nothing afterwards. It counts its
/// clients.
pub(super) async fn fake(answer: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let clients = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&clients);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::AcqRel);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let mut is_first = true;
                while let Ok(1..) = socket.read(&mut buffer).await {
                    if is_first && socket.write_all(answer).await.is_err() {
                        return;
                    }
                    is_first = false;
                }
            });
        }
    });
    (address, clients)
}
