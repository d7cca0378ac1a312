//! What the fault proxy does to connections.

#![allow(
    clippy::unwrap_used,
    reason = "a panic in a function of a test is a failed test"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use fastlimit_test_redis::{Client, ExclusiveRedis, Fault, FaultProxy, TestRedis};

/// Longer than an answer takes, and not so long that a test is slow by it.
const SHORT: Duration = Duration::from_millis(200);

const LONG: Duration = Duration::from_secs(20);

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const PONG: &[u8] = b"+PONG\r\n";

fn rig() -> (ExclusiveRedis, FaultProxy) {
    let redis = TestRedis::start().unwrap();
    let proxy = FaultProxy::start(redis.addr()).unwrap();
    (redis, proxy)
}

/// Connects and exchanges one request, so that the connection is there for certain.
fn connected(proxy: &FaultProxy) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_nodelay(true).unwrap();
    assert_eq!(ask(&mut stream), Ok(PONG.to_vec()));
    stream
}

/// Sends a request and returns its answer.
fn ask(stream: &mut TcpStream) -> Result<Vec<u8>, ErrorKind> {
    stream.write_all(PING).map_err(|error| error.kind())?;
    read(stream, PONG.len(), LONG)
}

/// Reads so many bytes, or returns what came in their place.
fn read(stream: &mut TcpStream, length: usize, within: Duration) -> Result<Vec<u8>, ErrorKind> {
    stream.set_read_timeout(Some(within)).unwrap();
    let mut answer = vec![0; length];
    match stream.read_exact(&mut answer) {
        Ok(()) => Ok(answer),
        Err(error) if error.kind() == ErrorKind::TimedOut => Err(ErrorKind::WouldBlock),
        Err(error) => Err(error.kind()),
    }
}

/// How often a server was called with a command.
fn calls(redis: &ExclusiveRedis, command: &str) -> usize {
    let mut client = redis.client().unwrap();
    let info = client.command(&["INFO", "commandstats"]).unwrap();
    let name = format!("cmdstat_{command}:calls=");
    info.text()
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix(&name)?.split(',').next()?.parse().ok())
        .unwrap_or(0)
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn without_a_fault_all_passes_and_is_counted() {
    let (redis, proxy) = rig();
    assert_eq!(proxy.url(), format!("redis://{}/", proxy.addr()));
    let mut client = Client::connect(proxy.addr()).unwrap();
    let value = vec![b'x'; 1_000_000];
    client
        .command(&[b"SET".as_slice(), b"key", &value])
        .unwrap();
    let got = client.command(&["GET", "key"]).unwrap();
    assert_eq!(got.text().unwrap().as_bytes(), value);
    assert_eq!(proxy.connections_opened(), 1);
    assert_eq!(proxy.connections_live(), 1);
    assert_eq!(proxy.requests_forwarded(), 2);
    assert!(proxy.request_bytes_forwarded() > 1_000_000);
    drop(client);
    eventually("the connection is gone", || proxy.connections_live() == 0);
    assert_eq!(calls(&redis, "set"), 1);
}

#[test]
fn the_servers_end_is_the_clients_end() {
    let (redis, proxy) = rig();
    let mut stream = connected(&proxy);
    redis.stop().unwrap();
    assert_eq!(read(&mut stream, 1, LONG), Err(ErrorKind::UnexpectedEof));
    drop(stream);
    // Nobody is behind the proxy: a new connection is reset.
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    assert!(ask(&mut stream).is_err());
    redis.restart().unwrap();
    connected(&proxy);
}

#[test]
fn late_replies_are_late_side_by_side() {
    let (_redis, proxy) = rig();
    let mut stream = connected(&proxy);
    proxy.set(Fault::Delay(SHORT)).unwrap();
    let begin = Instant::now();
    for _ in 0..20 {
        stream.write_all(PING).unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    let answers = read(&mut stream, 20 * PONG.len(), LONG).unwrap();
    let took = begin.elapsed();
    assert_eq!(answers, PONG.repeat(20));
    assert!(took >= SHORT, "{took:?}");
    assert!(took < SHORT * 10, "{took:?}");
    proxy.set(Fault::Pass).unwrap();
    assert_eq!(ask(&mut stream), Ok(PONG.to_vec()));
}

#[test]
fn a_black_hole_holds_back_what_passes_later() {
    let (redis, proxy) = rig();
    let mut old = connected(&proxy);
    proxy.set(Fault::BlackHole).unwrap();
    let before = proxy.requests_forwarded();
    let pings = calls(&redis, "ping");
    let mut new = TcpStream::connect(proxy.addr()).unwrap();
    for stream in [&mut old, &mut new] {
        stream.write_all(PING).unwrap();
        assert_eq!(read(stream, 1, SHORT), Err(ErrorKind::WouldBlock));
    }
    assert_eq!(calls(&redis, "ping"), pings);
    assert_eq!(proxy.requests_forwarded(), before);
    proxy.set(Fault::Pass).unwrap();
    for stream in [&mut old, &mut new] {
        assert_eq!(read(stream, PONG.len(), LONG), Ok(PONG.to_vec()));
    }
    assert_eq!(proxy.requests_forwarded(), before + 2);
}

#[test]
fn only_connections_that_exist_hang() {
    let (_redis, proxy) = rig();
    let mut old = connected(&proxy);
    // This one is there too, though nothing has passed on it.
    let mut silent = TcpStream::connect(proxy.addr()).unwrap();
    proxy.set(Fault::HoleExisting).unwrap();
    for stream in [&mut old, &mut silent] {
        stream.write_all(PING).unwrap();
        assert_eq!(read(stream, 1, SHORT), Err(ErrorKind::WouldBlock));
    }
    connected(&proxy);
    proxy.set(Fault::Pass).unwrap();
    for stream in [&mut old, &mut silent] {
        assert_eq!(read(stream, PONG.len(), LONG), Ok(PONG.to_vec()));
    }
}

#[test]
fn requests_are_executed_whose_replies_are_dropped() {
    let (redis, proxy) = rig();
    let mut stream = connected(&proxy);
    proxy.set(Fault::DropReplies).unwrap();
    let incr = b"*2\r\n$4\r\nINCR\r\n$3\r\nkey\r\n";
    for _ in 0..3 {
        stream.write_all(incr).unwrap();
    }
    assert_eq!(read(&mut stream, 1, SHORT), Err(ErrorKind::WouldBlock));
    eventually("all are executed", || calls(&redis, "incr") == 3);
    assert_eq!(proxy.requests_forwarded(), 4);
    // A connection that lost replies would give the next ones to the wrong requests.
    proxy.set(Fault::Pass).unwrap();
    assert_eq!(read(&mut stream, 1, LONG), Err(ErrorKind::ConnectionReset));
    connected(&proxy);
}

#[test]
fn a_connection_is_reset_after_each_number_of_bytes() {
    let (redis, proxy) = rig();
    for after in 0..=PONG.len() {
        let mut stream = connected(&proxy);
        let before = calls(&redis, "ping");
        proxy.set(Fault::ResetAfter(after)).unwrap();
        stream.write_all(PING).unwrap();
        let got = read(&mut stream, after, LONG).unwrap();
        assert_eq!(got, &PONG[..after]);
        assert_eq!(
            read(&mut stream, 1, LONG),
            Err(ErrorKind::ConnectionReset),
            "{after}"
        );
        assert_eq!(calls(&redis, "ping"), before + 1);
        proxy.set(Fault::Pass).unwrap();
    }
}

#[test]
fn the_bytes_before_a_reset_are_counted_over_replies_and_on_new_connections() {
    let (_redis, proxy) = rig();
    let mut old = connected(&proxy);
    let after = PONG.len() + 3;
    proxy.set(Fault::ResetAfter(after)).unwrap();
    let mut new = TcpStream::connect(proxy.addr()).unwrap();
    for stream in [&mut old, &mut new] {
        assert_eq!(ask(stream), Ok(PONG.to_vec()));
        stream.write_all(PING).unwrap();
        assert_eq!(read(stream, 3, LONG), Ok(PONG[..3].to_vec()));
        assert_eq!(read(stream, 1, LONG), Err(ErrorKind::ConnectionReset));
    }
}

#[test]
fn new_connections_are_refused_and_old_ones_pass() {
    let (_redis, proxy) = rig();
    let mut old = connected(&proxy);
    for _ in 0..3 {
        proxy.set(Fault::Refuse).unwrap();
        let error = TcpStream::connect(proxy.addr()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(ask(&mut old), Ok(PONG.to_vec()));
        proxy.set(Fault::Pass).unwrap();
        connected(&proxy);
    }
    proxy.set(Fault::Refuse).unwrap();
    proxy.close_all().unwrap();
    assert_eq!(read(&mut old, 1, LONG), Err(ErrorKind::ConnectionReset));
    assert_eq!(proxy.connections_live(), 0);
}

#[test]
fn each_request_is_answered_by_garbage_and_none_passes() {
    let (redis, proxy) = rig();
    let mut stream = connected(&proxy);
    let before = calls(&redis, "ping");
    proxy.set(Fault::Garbage(b"?!".to_vec())).unwrap();
    stream.write_all(&PING.repeat(3)).unwrap();
    assert_eq!(read(&mut stream, 6, LONG), Ok(b"?!?!?!".to_vec()));
    assert_eq!(read(&mut stream, 1, SHORT), Err(ErrorKind::WouldBlock));
    // Half a request is none.
    stream.write_all(&PING[..5]).unwrap();
    assert_eq!(read(&mut stream, 1, SHORT), Err(ErrorKind::WouldBlock));
    stream.write_all(&PING[5..]).unwrap();
    assert_eq!(read(&mut stream, 2, LONG), Ok(b"?!".to_vec()));
    assert_eq!(calls(&redis, "ping"), before);
    proxy.set(Fault::Pass).unwrap();
    assert_eq!(read(&mut stream, 1, LONG), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_slow_connection_takes_its_time() {
    let (redis, proxy) = rig();
    let mut client = redis.client().unwrap();
    let value = vec![b'x'; 20_000];
    client
        .command(&[b"SET".as_slice(), b"key", &value])
        .unwrap();
    let mut client = Client::connect(proxy.addr()).unwrap();
    client.command(&["PING"]).unwrap();
    let rate = 40_000;
    proxy
        .set(Fault::Throttle {
            bytes_per_second: rate,
        })
        .unwrap();
    let begin = Instant::now();
    client.command(&["GET", "key"]).unwrap();
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(490), "{took:?}");
    assert!(took < LONG, "{took:?}");
    proxy.set(Fault::Pass).unwrap();
    let begin = Instant::now();
    client.command(&["GET", "key"]).unwrap();
    assert!(begin.elapsed() < took);
}

#[test]
fn all_connections_can_be_reset() {
    let (_redis, proxy) = rig();
    let mut streams: Vec<_> = (0..10).map(|_| connected(&proxy)).collect();
    assert_eq!(proxy.connections_live(), 10);
    // Also those that hang.
    proxy.set(Fault::BlackHole).unwrap();
    proxy.close_all().unwrap();
    assert_eq!(proxy.connections_live(), 0);
    for stream in &mut streams {
        assert_eq!(read(stream, 1, LONG), Err(ErrorKind::ConnectionReset));
    }
    proxy.set(Fault::Pass).unwrap();
    connected(&proxy);
    assert_eq!(proxy.connections_opened(), 11);
}

#[test]
fn a_proxy_that_is_dropped_resets_and_refuses() {
    let (_redis, proxy) = rig();
    let mut stream = connected(&proxy);
    let addr = proxy.addr();
    drop(proxy);
    assert_eq!(read(&mut stream, 1, LONG), Err(ErrorKind::ConnectionReset));
    let error = TcpStream::connect(addr).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_proxy_can_be_had_inside_a_runtime() {
    let (_redis, proxy) = rig();
    proxy.set(Fault::Refuse).unwrap();
    proxy.set(Fault::Pass).unwrap();
    connected(&proxy);
    proxy.close_all().unwrap();
}
