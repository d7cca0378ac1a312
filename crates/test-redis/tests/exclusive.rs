//! What one test may do to a server of its own, on the source that the environment gives.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fastlimit_test_redis::{Error, Source, TestRedis};

/// Sends one inline command and returns the first line of the answer.
fn ask(redis: &TestRedis, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(redis.addr())?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

#[test]
fn a_server_answers() {
    let redis = TestRedis::start().unwrap();
    assert_eq!(redis.url(), format!("redis://{}/", redis.addr()));
    assert_eq!(ask(&redis, "PING").unwrap(), "+PONG");
}

#[test]
fn servers_are_apart() {
    let one = TestRedis::start().unwrap();
    let other = TestRedis::start().unwrap();
    assert_ne!(one.addr(), other.addr());
    assert_eq!(ask(&one, "SET key value").unwrap(), "+OK");
    assert_eq!(ask(&other, "EXISTS key").unwrap(), ":0");
}

#[test]
fn a_stopped_server_refuses_and_starts_again_on_its_port() {
    let redis = TestRedis::start().unwrap();
    let addr = redis.addr();
    for _ in 0..3 {
        assert_eq!(ask(&redis, "SET key value").unwrap(), "+OK");
        redis.stop().unwrap();
        redis.stop().unwrap();
        assert_eq!(
            TcpStream::connect(addr).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        redis.restart().unwrap();
        assert_eq!(redis.addr(), addr);
        assert_eq!(ask(&redis, "EXISTS key").unwrap(), ":0");
    }
}

#[test]
fn a_running_server_can_be_restarted() {
    let redis = TestRedis::start().unwrap();
    assert_eq!(ask(&redis, "SET key value").unwrap(), "+OK");
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "EXISTS key").unwrap(), ":0");
}

#[test]
fn a_server_that_exited_by_itself_can_be_restarted() {
    let redis = TestRedis::start().unwrap();
    // Its answer is the end of the connection.
    let _ = ask(&redis, "SHUTDOWN NOSAVE");
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "PING").unwrap(), "+PONG");
}

#[test]
fn a_paused_server_hangs_until_it_is_resumed() {
    let redis = TestRedis::start().unwrap();
    assert_eq!(ask(&redis, "SET key value").unwrap(), "+OK");
    redis.pause().unwrap();
    redis.pause().unwrap();
    let error = ask(&redis, "PING").unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    redis.resume().unwrap();
    redis.resume().unwrap();
    assert_eq!(ask(&redis, "EXISTS key").unwrap(), ":1");
}

#[test]
fn a_paused_server_can_be_stopped_restarted_and_dropped() {
    let redis = TestRedis::start().unwrap();
    let addr = redis.addr();
    redis.pause().unwrap();
    redis.stop().unwrap();
    assert!(TcpStream::connect(addr).is_err());
    assert!(matches!(redis.pause(), Err(Error::Control { .. })));
    assert!(matches!(redis.resume(), Err(Error::Control { .. })));
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "PING").unwrap(), "+PONG");
    redis.pause().unwrap();
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "PING").unwrap(), "+PONG");
    redis.pause().unwrap();
    drop(redis);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_dropped_server_is_gone() {
    let redis = TestRedis::start().unwrap();
    let addr = redis.addr();
    let socket = redis.unix_socket().map(ToOwned::to_owned);
    drop(redis);
    assert_eq!(
        TcpStream::connect(addr).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    if let Some(socket) = socket {
        assert!(!socket.exists());
        assert!(!socket.parent().unwrap().exists());
    }
}

#[test]
fn a_server_from_the_path_has_a_unix_socket() {
    let redis = TestRedis::start().unwrap();
    assert_eq!(
        redis.unix_socket().is_some(),
        redis.source() == Source::Path
    );
    if let Some(path) = redis.unix_socket() {
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
    }
}

#[test]
fn arguments_reach_the_server() {
    let redis = TestRedis::start_with(&["--enable-debug-command", "local"]).unwrap();
    assert_eq!(ask(&redis, "DEBUG SLEEP 0").unwrap(), "+OK");
    let redis = TestRedis::start_with(&["--requirepass", "secret"]).unwrap();
    assert!(ask(&redis, "GET key").unwrap().starts_with("-NOAUTH"));
}

#[test]
fn persistence_survives_a_restart_where_it_is_on() {
    let args = ["--appendonly", "yes", "--appendfsync", "always"];
    let redis = TestRedis::start_with(&args).unwrap();
    assert_eq!(ask(&redis, "SET key value").unwrap(), "+OK");
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "EXISTS key").unwrap(), ":1");
}

#[test]
fn a_server_that_refuses_its_arguments_is_an_error_with_its_words() {
    let error = TestRedis::start_with(&["--no-such-setting", "1"]).unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
    assert!(error.to_string().contains("no-such-setting"), "{error}");
}

#[tokio::test]
async fn a_server_can_be_had_inside_a_current_thread_runtime() {
    let redis = TestRedis::start().unwrap();
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "PING").unwrap(), "+PONG");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_can_be_had_inside_a_multi_thread_runtime() {
    let redis = TestRedis::start().unwrap();
    redis.stop().unwrap();
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "PING").unwrap(), "+PONG");
}
