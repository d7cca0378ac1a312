//! The laws that bind every store, on each way to have Redis, as a user with no more rights than the
//! crate's documentation names.

#![allow(
    clippy::unwrap_used,
    reason = "a panic in a function of a test is a failed test"
)]

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use fastlimit_conformance::{
    Fixture, FixtureError, Inspect, Lifetime, StoreFactory, async_trait, conformance_tests,
};
use fastlimit_core::ManualClock;
use fastlimit_core::store::Key;
use fastlimit_redis::{RedisStore, RedisStoreBuilder};
use fastlimit_test_redis::{Client, Error, Reply, TestCluster, TestRedis, TestSentinels};

const LONG: Duration = Duration::from_secs(20);

/// What the documentation names, but for the keys: the laws have prefixes of their own.
const USER: [&str; 7] = [
    "ACL",
    "SETUSER",
    "limiter",
    "on",
    ">secret",
    "~*",
    "resetchannels",
];
const RIGHTS: [&str; 9] = [
    "-@all",
    "+eval",
    "+evalsha",
    "+time",
    "+mget",
    "+get",
    "+set",
    "+setrange",
    "+del",
];

/// Makes the user on a server, which needs `more` for its topology.
fn set_user(client: &mut Client, more: &[&str]) -> Result<(), Error> {
    client.command(&[&USER[..], &RIGHTS[..], more].concat())?;
    // A server of today has it, another does not know it.
    let _ = client.command(&["ACL", "SETUSER", "limiter", "+msetex"]);
    Ok(())
}

fn as_user(url: &str) -> String {
    url.replace("://", "://limiter:secret@")
}

/// What the tests of one topology share. The last holder's drop ends it.
struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    fn get(&self, start: impl FnOnce() -> Result<T, FixtureError>) -> Result<Arc<T>, FixtureError> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = shared.upgrade() {
            return Ok(shared);
        }
        let started = Arc::new(start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }
}

/// Two stores, as two processes would have them, on a clock that the laws move.
async fn fixture(builder: RedisStoreBuilder) -> Result<Fixture, FixtureError> {
    let clock = ManualClock::default();
    let builder = builder.connect_timeout(LONG).timeout(LONG);
    let store = async || builder.clone().clock(clock.clone()).connect().await;
    Ok(Fixture::new(store().await?)
        .with_instance(store().await?)
        .with_clock(clock.clone()))
}

/// A look at the keys of servers, each of which may be the one that has a key.
struct Keys(Vec<Mutex<Client>>);

impl Keys {
    fn ask(&self, command: &[&[u8]]) -> Result<Reply, FixtureError> {
        let mut last: Option<Error> = None;
        for client in &self.0 {
            let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
            match client.command(command) {
                Ok(reply) => return Ok(reply),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(|| "there is no server".into(), Into::into))
    }
}

#[async_trait]
impl Inspect for Keys {
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
        match self.ask(&[b"GET", key.to_string().as_bytes()])? {
            Reply::Bytes(bytes) => Ok(Some(bytes)),
            _ => Ok(None),
        }
    }

    async fn lifetime(&self, key: Key<'_>) -> Result<Option<Lifetime>, FixtureError> {
        let reply = self.ask(&[b"PTTL", key.to_string().as_bytes()])?;
        Ok(match reply.integer() {
            Some(-2) => None,
            Some(-1) => Some(Lifetime::Endless),
            Some(millis) => Some(Lifetime::For(Duration::from_millis(millis.try_into()?))),
            None => return Err("PTTL answers a number".into()),
        })
    }

    async fn plant(&self, key: Key<'_>, bytes: &[u8]) -> Result<bool, FixtureError> {
        self.ask(&[b"SET", key.to_string().as_bytes(), bytes])?;
        Ok(true)
    }
}

/// Three masters.
struct OnACluster;

#[async_trait]
impl StoreFactory for OnACluster {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        static CLUSTER: Shared<TestCluster> = Shared::new();
        let cluster = CLUSTER.get(|| {
            let cluster = TestCluster::start(3, 0)?;
            for node in cluster.nodes() {
                set_user(&mut node.client()?, &["+cluster|slots", "+asking"])?;
            }
            Ok(cluster)
        })?;
        let urls = cluster.urls();
        let urls = urls.iter().map(|url| as_user(url));
        let clients = cluster.nodes().iter().map(|node| node.client());
        let clients = clients.map(|client| Ok(Mutex::new(client?)));
        let keys = Keys(clients.collect::<Result<_, Error>>()?);
        let fixture = fixture(RedisStore::cluster(urls)).await?;
        Ok(fixture.with_inspector(keys).with_guard(cluster))
    }
}

/// A master that three Sentinels know.
struct BySentinels;

#[async_trait]
impl StoreFactory for BySentinels {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        static SENTINELS: Shared<TestSentinels> = Shared::new();
        let sentinels = SENTINELS.get(|| {
            let sentinels = TestSentinels::start(1, 3)?;
            for server in sentinels.servers() {
                set_user(&mut server.client()?, &[])?;
            }
            Ok(sentinels)
        })?;
        let urls = sentinels.urls();
        let urls = urls.iter().map(|url| as_user(url));
        let master = &sentinels.servers()[sentinels.master()?];
        let keys = Keys(vec![Mutex::new(master.client()?)]);
        let fixture = fixture(RedisStore::sentinel(urls, sentinels.name())).await?;
        Ok(fixture.with_inspector(keys).with_guard(sentinels))
    }
}

/// A Unix socket, which a server from the `PATH` has.
struct OnAUnixSocket;

#[async_trait]
impl StoreFactory for OnAUnixSocket {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let redis = TestRedis::shared()?;
        let mut client = Client::connect(redis.addr())?;
        set_user(&mut client, &[])?;
        let url = match redis.unix_socket() {
            Some(socket) => format!("unix://{}?user=limiter&pass=secret", socket.display()),
            None => as_user(redis.url()),
        };
        let fixture = fixture(RedisStore::builder(url)).await?;
        Ok(fixture
            .with_inspector(Keys(vec![Mutex::new(client)]))
            .with_guard(redis))
    }
}

#[cfg(feature = "tls-rustls")]
mod tls {
    use fastlimit_test_redis::TlsRedis;

    use super::*;

    /// TLS, with a certificate of the client.
    struct OverTls;

    #[async_trait]
    impl StoreFactory for OverTls {
        async fn create(&self) -> Result<Fixture, FixtureError> {
            static REDIS: Shared<TlsRedis> = Shared::new();
            let redis = REDIS.get(|| {
                let redis = TestRedis::start_tls(true)?;
                set_user(&mut redis.client()?, &[])?;
                Ok(redis)
            })?;
            let builder = RedisStore::builder(as_user(redis.url()))
                .ca_certificates(redis.ca_pem())
                .client_certificate(redis.client_cert_pem(), redis.client_key_pem());
            let keys = Keys(vec![Mutex::new(redis.client()?)]);
            let fixture = fixture(builder).await?;
            Ok(fixture.with_inspector(keys).with_guard(redis))
        }
    }

    conformance_tests!(OverTls);
}

mod on_a_cluster {
    use super::*;

    conformance_tests!(OnACluster);
}

mod by_sentinels {
    use super::*;

    conformance_tests!(BySentinels);
}

mod on_a_unix_socket {
    use super::*;

    conformance_tests!(OnAUnixSocket);
}
