//! What the variables do, and what is left of a server whose process is killed.
//!
//! A test cannot change its own environment safely, so the program `hold-redis` is run in one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a function of a test is a failed test"
)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fastlimit_test_redis::{Source, TestRedis, unique_prefix};

const VARIABLES: [&str; 4] = [
    "FASTLIMIT_TEST_REDIS_URL",
    "FASTLIMIT_TEST_REDIS_SOURCE",
    "FASTLIMIT_TEST_REDIS_IMAGE",
    "FASTLIMIT_TEST_REDIS_SERVER",
];

/// Returns the holder with none of the harness's variables set.
fn holder() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hold-redis"));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Runs a holder whose standard input is closed from the beginning.
fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn complaint(command: &mut Command) -> String {
    let output = run(command);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// Starts a holder in this process's own environment and returns it with its server's address.
fn held(argument: &str) -> (Child, SocketAddr) {
    let (child, addrs) = all_held(argument);
    (child, addrs[0])
}

/// Starts a holder of several servers and returns it with their addresses.
fn all_held(argument: &str) -> (Child, Vec<SocketAddr>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hold-redis"))
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let addrs: Vec<_> = line
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("redis://"))
        .filter_map(|rest| rest.trim_end_matches('/').parse().ok())
        .collect();
    assert!(!addrs.is_empty(), "no address in {line:?}");
    (child, addrs)
}

fn assert_refuses_soon(addr: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_ok() {
        assert!(Instant::now() < deadline, "{addr} still listens");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_ends_with_its_process() {
    let (mut child, addr) = held("--exclusive");
    TcpStream::connect(addr).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_server_ends_after_its_process_is_killed() {
    let (mut child, addr) = held("--exclusive");
    TcpStream::connect(addr).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_refuses_soon(addr);
}

#[test]
fn a_paused_server_ends_after_its_process_is_killed() {
    let (mut child, addr) = held("--paused");
    TcpStream::connect(addr).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_refuses_soon(addr);
}

#[test]
fn servers_that_belong_together_end_after_their_process_is_killed() {
    for (argument, count) in [("--cluster", 4), ("--sentinels", 3)] {
        let (mut child, addrs) = all_held(argument);
        assert_eq!(addrs.len(), count);
        child.kill().unwrap();
        child.wait().unwrap();
        addrs.into_iter().for_each(assert_refuses_soon);
    }
}

#[test]
fn servers_that_belong_together_need_a_program() {
    for argument in ["--cluster", "--sentinels"] {
        for source in ["docker", "path"] {
            let text = complaint(
                holder()
                    .env("FASTLIMIT_TEST_REDIS_SOURCE", source)
                    .env("PATH", "/nonexistent")
                    .arg(argument),
            );
            assert!(text.contains("needs a redis-server program"), "{text}");
            assert!(text.contains("apt-get install redis-server"), "{text}");
        }
    }
}

#[test]
fn a_machine_with_nothing_is_told_what_to_do() {
    for argument in ["--shared", "--exclusive"] {
        let text = complaint(holder().env("PATH", "/nonexistent").arg(argument));
        assert!(text.contains("no Redis for the tests"), "{text}");
        assert!(text.contains("cargo xtask test"), "{text}");
        assert!(text.contains("apt-get install redis-server"), "{text}");
    }
}

#[test]
fn a_forced_source_is_not_replaced_by_another() {
    for source in ["url", "docker", "path"] {
        let text = complaint(
            holder()
                .env("FASTLIMIT_TEST_REDIS_SOURCE", source)
                .env("PATH", "/nonexistent")
                .arg("--shared"),
        );
        assert!(text.contains(&format!("forces `{source}`")), "{text}");
    }
}

#[test]
fn a_server_that_is_named_is_the_one_that_is_started() {
    let folder = std::env::temp_dir().join(unique_prefix());
    fs::create_dir(&folder).unwrap();
    let program = folder.join("my-server");
    let named = |argument| {
        let mut command = holder();
        command
            .env("FASTLIMIT_TEST_REDIS_SOURCE", "path")
            .env("FASTLIMIT_TEST_REDIS_SERVER", &program)
            .arg(argument);
        complaint(&mut command)
    };
    let text = named("--shared");
    assert!(text.contains("my-server`, which is no file"), "{text}");

    fs::write(&program, "#!/bin/sh\necho this is my server\nexit 1\n").unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
    for argument in ["--shared", "--exclusive"] {
        let text = named(argument);
        assert!(text.contains("this is my server"), "{text}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_unknown_source_is_refused() {
    let text = complaint(holder().env("FASTLIMIT_TEST_REDIS_SOURCE", "podman"));
    assert!(text.contains("podman"), "{text}");
}

#[test]
fn an_image_that_cannot_be_had_is_named() {
    let text = complaint(
        holder()
            .env("FASTLIMIT_TEST_REDIS_SOURCE", "docker")
            // Nothing listens there, so the pull is refused at once.
            .env("FASTLIMIT_TEST_REDIS_IMAGE", "127.0.0.1:1/nothing:here"),
    );
    assert!(text.contains("forces `docker`"), "{text}");
    // Without a daemon that is what is said; with one the image is.
    assert!(
        text.contains("127.0.0.1:1/nothing:here") || text.to_lowercase().contains("docker"),
        "{text}"
    );
}

#[test]
fn a_url_is_taken_as_it_is_and_never_stopped() {
    let redis = TestRedis::start().unwrap();
    let output = run(holder()
        .env("FASTLIMIT_TEST_REDIS_URL", redis.url())
        .arg("--shared"));
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{} {}\n", Source::Url, redis.url())
    );
    TcpStream::connect(redis.addr()).unwrap();

    let text = complaint(
        holder()
            .env("FASTLIMIT_TEST_REDIS_URL", redis.url())
            .env("FASTLIMIT_TEST_REDIS_SOURCE", "url")
            .arg("--exclusive"),
    );
    assert!(text.contains("a server of its own"), "{text}");
}

#[test]
fn a_url_without_a_server_is_an_error() {
    let redis = TestRedis::start().unwrap();
    redis.stop().unwrap();
    let text = complaint(
        holder()
            .env("FASTLIMIT_TEST_REDIS_URL", redis.url())
            .arg("--shared"),
    );
    assert!(text.contains("does not answer PING"), "{text}");
}
