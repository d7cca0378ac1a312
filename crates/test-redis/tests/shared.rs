//! The server that the tests of a process share. One test, as the server is the whole process's.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread;

use fastlimit_test_redis::{Source, TestRedis};

#[test]
fn one_server_is_shared_until_its_last_holder_drops_it() {
    let holders: Vec<_> = (0..8)
        .map(|_| thread::spawn(|| TestRedis::shared().unwrap()))
        .collect();
    let mut holders: Vec<_> = holders.into_iter().map(|t| t.join().unwrap()).collect();
    let redis = holders.pop().unwrap();
    assert!(holders.iter().all(|other| Arc::ptr_eq(other, &redis)));

    drop(holders);
    let addr = redis.addr();
    TcpStream::connect(addr).unwrap();

    // A server of a URL is somebody else's, and stays.
    if redis.source() != Source::Url {
        drop(redis);
        assert!(TcpStream::connect(addr).is_err());
    }

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let redis = TestRedis::shared().unwrap();
        TcpStream::connect(redis.addr()).unwrap();
    });
}
