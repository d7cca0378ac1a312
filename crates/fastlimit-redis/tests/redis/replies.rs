//! Replies that are cut off, lost or nonsense.

use std::time::Duration;

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Decision, Limit, StoreError, StoreErrorKind};
use fastlimit_redis::RedisStore;

use crate::fake_server::{Act, FakeServer};
use crate::rig::apply;

/// Nothing was found, at the time 5, and one item was admitted.
const GOOD: &[u8] = b"*3\r\n$-1\r\n:5\r\n:1\r\n";

/// What is left then.
const LEFT: Cost = Cost::milli(4_000);

async fn store(server: &FakeServer) -> RedisStore {
    RedisStore::builder(format!("redis://{}", server.addr))
        .connections(1)
        .timeout(Duration::from_millis(150))
        .connect()
        .await
        .unwrap()
}

async fn check(store: &RedisStore) -> Result<Decision, StoreError> {
    let limit: Limit = "5/second".parse().unwrap();
    let key = Key::new("fl", "default", "default", "a");
    apply(store, key, limit, Operation::Check(Cost::ONE)).await
}

/// The first check that is sent: a server whose connections go wrong one after the other is left
/// alone for a while each time.
async fn sent(store: &RedisStore) -> Result<Decision, StoreError> {
    loop {
        match check(store).await {
            Err(error) if error.kind() == StoreErrorKind::NotSent => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer => return answer,
        }
    }
}

#[tokio::test]
async fn a_reply_that_is_lost_is_never_asked_for_again() {
    let server = FakeServer::start(|number| match number % 2 {
        0 => Act::ReplyAndClose(Vec::new()),
        _ => Act::Reply(GOOD.to_vec()),
    })
    .await;
    let store = store(&server).await;
    for round in 0..10 {
        let error = check(&store).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::OutcomeUnknown, "{error}");
        assert_eq!(server.scripts(), 2 * round + 1);
        assert_eq!(check(&store).await.unwrap().remaining_cost(), LEFT);
        assert_eq!(server.scripts(), 2 * round + 2);
    }
}

#[tokio::test]
async fn a_reply_that_never_comes_is_never_asked_for_again() {
    let server = FakeServer::start(|_| Act::Reply(Vec::new())).await;
    let store = store(&server).await;
    let error = check(&store).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::OutcomeUnknown, "{error}");
    assert_eq!(server.scripts(), 1);
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_an_error_at_each_byte() {
    let server = FakeServer::start(|number| match number {
        cut if cut < GOOD.len() => Act::ReplyAndClose(GOOD[..cut].to_vec()),
        _ => Act::Reply(GOOD.to_vec()),
    })
    .await;
    let store = store(&server).await;
    for _ in 0..GOOD.len() {
        let error = sent(&store).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::OutcomeUnknown, "{error}");
    }
    assert_eq!(sent(&store).await.unwrap().remaining_cost(), LEFT);
    assert_eq!(server.scripts(), GOOD.len() + 1);
}

#[tokio::test]
async fn nonsense_is_an_error_and_the_next_reply_is_read() {
    let nonsense: [&[u8]; 19] = [
        b"$0\r\n\r\n",
        b"$1\r\n5\r\n",
        b"*2\r\n:5\r\n:1\r\n",
        b"*4\r\n$-1\r\n$-1\r\n:5\r\n:1\r\n",
        b"*3\r\n:0\r\n:5\r\n:1\r\n",
        b"*3\r\n$-1\r\n:-5\r\n:1\r\n",
        b"*3\r\n$-1\r\n:9223372036854775807\r\n:1\r\n",
        b"*3\r\n$-1\r\n:5\r\n$1\r\n1\r\n",
        // The script came to another end than the client does.
        b"*3\r\n$-1\r\n:5\r\n:0\r\n",
        b"*3\r\n$-1\r\n:5\r\n:2\r\n",
        b"*1\r\n:1\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"$-1\r\n",
        b":5\r\n",
        b"+OK\r\n",
        b"_\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\0garbage\r\n",
    ];
    let server = FakeServer::start(move |number| match nonsense.get(number / 2) {
        Some(bytes) if number % 2 == 0 => Act::Reply(bytes.to_vec()),
        _ => Act::Reply(GOOD.to_vec()),
    })
    .await;
    let store = store(&server).await;
    for bytes in nonsense {
        let bytes = String::from_utf8_lossy(bytes);
        let error = check(&store).await.unwrap_err();
        assert_eq!(
            error.kind(),
            StoreErrorKind::OutcomeUnknown,
            "{bytes}: {error}"
        );
        let decision = check(&store).await;
        assert_eq!(decision.unwrap().remaining_cost(), LEFT, "{bytes}");
    }
    assert_eq!(server.scripts(), 2 * nonsense.len());
}

#[tokio::test]
async fn an_error_of_somebody_in_between_leaves_the_outcome_unknown() {
    let server = FakeServer::start(|_| Act::Reply(b"-ERR upstream failure\r\n".to_vec())).await;
    let store = store(&server).await;
    let error = check(&store).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::OutcomeUnknown, "{error}");
    assert_eq!(server.scripts(), 1);
}

#[tokio::test]
async fn a_server_that_never_knows_the_script_is_asked_twice() {
    let reply = b"-NOSCRIPT No matching script. Please use EVAL.\r\n";
    let server = FakeServer::start(|_| Act::Reply(reply.to_vec())).await;
    let store = store(&server).await;
    let error = check(&store).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    assert_eq!(server.scripts(), 2);
}
