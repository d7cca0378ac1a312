//! Servers that are not what was wanted.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fastlimit_core::StoreErrorKind;
use fastlimit_test_redis::{Source, TestRedis, unique_prefix};

use super::super::Wanted;
use super::rig::{PROTOCOLS, dial, speaking};
use crate::ConnectError;

async fn error(url: &str, wanted: Wanted) -> ConnectError {
    dial(url, wanted).await.unwrap_err()
}

#[tokio::test]
async fn a_replica_is_refused_where_a_master_is_wanted() {
    let redis = TestRedis::start_with(&["--replicaof", "127.0.0.1 1"]).unwrap();
    for protocol in PROTOCOLS {
        let url = speaking(redis.url(), protocol);
        for wanted in [Wanted::Standalone, Wanted::Master] {
            let error = error(&url, wanted).await;
            assert!(matches!(error, ConnectError::Replica { .. }), "{error}");
            assert_eq!(error.kind_of_store_error(), StoreErrorKind::Refused);
        }
        let error = error(&url, Wanted::Standalone).await;
        assert!(
            error.to_string().contains("RedisStore::sentinel("),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_node_of_a_cluster_is_told_from_a_server_of_its_own() {
    let node = TestRedis::start_with(&["--cluster-enabled", "yes"]).unwrap();
    let alone = TestRedis::shared().unwrap();
    for protocol in PROTOCOLS {
        let url = speaking(node.url(), protocol);
        assert!(dial(&url, Wanted::ClusterNode).await.is_ok());
        let found = error(&url, Wanted::Standalone).await;
        assert!(matches!(found, ConnectError::WrongServer { .. }), "{found}");
        assert_eq!(found.kind_of_store_error(), StoreErrorKind::Misconfigured);
        assert!(
            found.to_string().contains("RedisStore::cluster("),
            "{found}"
        );

        let in_database = speaking(&format!("redis://{}/1", node.addr()), protocol);
        let found = error(&in_database, Wanted::Standalone).await;
        assert!(matches!(found, ConnectError::WrongServer { .. }), "{found}");
        let found = error(&in_database, Wanted::ClusterNode).await;
        assert!(matches!(found, ConnectError::NoDatabase { .. }), "{found}");

        let found = error(&speaking(alone.url(), protocol), Wanted::ClusterNode).await;
        assert!(
            found.to_string().contains("RedisStore::connect("),
            "{found}"
        );
        let found = error(&speaking(alone.url(), protocol), Wanted::Sentinel).await;
        assert!(matches!(found, ConnectError::WrongServer { .. }), "{found}");
    }
}

#[tokio::test]
async fn a_sentinel_is_told_from_a_server() {
    let Some(sentinel) = Sentinel::start() else {
        return;
    };
    for protocol in PROTOCOLS {
        let url = speaking(&sentinel.url, protocol);
        assert!(dial(&url, Wanted::Sentinel).await.is_ok());
        // It has no databases.
        let url = speaking(&format!("{}/3", sentinel.url), protocol);
        assert!(dial(&url, Wanted::Sentinel).await.is_ok());
        for wanted in [Wanted::Standalone, Wanted::Master, Wanted::ClusterNode] {
            let found = error(&url, wanted).await;
            assert!(matches!(found, ConnectError::WrongServer { .. }), "{found}");
            assert!(found.to_string().contains("is a Sentinel"), "{found}");
        }
        let found = error(&url, Wanted::Standalone).await;
        assert!(
            found.to_string().contains("RedisStore::sentinel("),
            "{found}"
        );
    }
}

#[tokio::test]
async fn what_speaks_another_protocol_is_told() {
    let (address, _) = super::rig::fake(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let found = error(&format!("redis://{address}"), Wanted::Standalone).await;
    assert!(matches!(found, ConnectError::WrongServer { .. }), "{found}");
    assert!(found.to_string().contains("rediss://"), "{found}");
}

#[tokio::test]
async fn a_refused_hello_names_the_other_protocol() {
    let unknown = b"-ERR unknown command 'HELLO', with args beginning with: '3' \r\n*0\r\n";
    let (address, _) = super::rig::fake(unknown).await;
    let url = format!("redis://{address}");
    let found = error(&url, Wanted::Standalone).await;
    assert!(matches!(found, ConnectError::NoResp3 { .. }), "{found}");
    assert!(found.to_string().contains("?protocol=resp2"), "{found}");
    assert!(
        dial(&speaking(&url, "resp2"), Wanted::Standalone)
            .await
            .is_ok()
    );
}

/// A Sentinel that watches nothing, which the harness does not have.
struct Sentinel {
    url: String,
    process: Child,
    folder: PathBuf,
}

impl Sentinel {
    /// `None` where servers are not processes of this machine.
    fn start() -> Option<Self> {
        if TestRedis::shared().unwrap().source() != Source::Path {
            return None;
        }
        let folder = std::env::temp_dir().join(unique_prefix());
        std::fs::create_dir(&folder).unwrap();
        let config = folder.join("sentinel.conf");
        std::fs::write(&config, "").unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let program = std::env::var_os("FASTLIMIT_TEST_REDIS_SERVER");
        let process = Command::new(program.unwrap_or_else(|| "redis-server".into()))
            .arg(&config)
            .args(["--sentinel", "--bind", "127.0.0.1", "--port"])
            .arg(address.port().to_string())
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sentinel = Self {
            url: format!("redis://{address}"),
            process,
            folder,
        };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "no Sentinel");
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(sentinel)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
