//! The permissions that the crate's documentation names are enough, and none is too many.

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Limit, Policy, StoreError, StoreErrorKind};
use fastlimit_redis::{ConnectError, RedisStore};
use fastlimit_test_redis::{TestRedis, unique_prefix};
use redis::aio::MultiplexedConnection;
use redis::cmd;

use crate::rig::{apply, at, connection};

pub(crate) const COMMANDS: [&str; 8] = [
    "+eval",
    "+evalsha",
    "+time",
    "+mget",
    "+get",
    "+set",
    "+setrange",
    "+del",
];

/// Makes a user who may use these commands on the keys of a prefix.
pub(crate) async fn set_user(admin: &mut MultiplexedConnection, prefix: &str, commands: &[&str]) {
    let mut set = cmd("ACL");
    set.arg(&["SETUSER", "limiter", "reset", "on", ">secret", "resetkeys"]);
    set.arg(format!("~{prefix}:*"))
        .arg("resetchannels")
        .arg("-@all");
    for command in commands {
        set.arg(command);
    }
    let () = set.query_async(admin).await.unwrap();
}

/// All operations, from a server that does not know the script.
async fn everything(
    admin: &mut MultiplexedConnection,
    url: &str,
    prefix: &str,
) -> Result<(), StoreError> {
    let () = cmd("SCRIPT").arg("FLUSH").query_async(admin).await.unwrap();
    // Connected or not, what is asked is answered.
    let store = RedisStore::builder(url).connect_lazily().unwrap();
    let connected = RedisStore::connect(url).await;
    if let Err(error) = &connected {
        assert!(
            matches!(error, ConnectError::MissingRight { .. }),
            "{error}"
        );
    }
    while let Err(error) = apply(
        &store,
        Key::new(prefix, "p", "t", "connected"),
        "1/day".parse::<Limit>().unwrap(),
        Operation::Peek(Cost::ZERO),
    )
    .await
    {
        if error.kind() != StoreErrorKind::NotSent {
            return Err(error);
        }
    }
    let key = Key::new(prefix, "p", "t", "i");
    let policy = Policy::new("p", "5/hour; 9/day").unwrap();
    let _ = apply(&store, key, &policy, Operation::Peek(Cost::ONE)).await?;
    let charged = apply(&store, key, &policy, Operation::Check(Cost::ONE)).await?;
    for operation in [
        Operation::Check(Cost::ONE),
        Operation::Peek(Cost::ONE),
        Operation::Charge(Cost::ONE),
        Operation::Refund {
            cost: Cost::ONE,
            charged_at: charged.charged_at(),
        },
        Operation::Reset,
    ] {
        let _ = apply(&store, key, &policy, operation).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_user_with_little_more_than_nothing_is_enough() {
    let redis = TestRedis::start().unwrap();
    let mut admin = connection(redis.url()).await;
    let prefix = unique_prefix();
    let url = format!("redis://limiter:secret@{}", redis.addr());

    set_user(&mut admin, &prefix, &COMMANDS).await;
    everything(&mut admin, &url, &prefix).await.unwrap();
    // Nothing was tried that is not allowed.
    let log: Vec<redis::Value> = cmd("ACL").arg("LOG").query_async(&mut admin).await.unwrap();
    assert!(log.is_empty(), "{log:?}");

    for missing in COMMANDS {
        let rest: Vec<_> = COMMANDS.into_iter().filter(|one| *one != missing).collect();
        set_user(&mut admin, &prefix, &rest).await;
        let error = everything(&mut admin, &url, &prefix).await.unwrap_err();
        assert_eq!(
            error.kind(),
            StoreErrorKind::Misconfigured,
            "{missing}: {error}"
        );
    }

    set_user(&mut admin, &prefix, &COMMANDS).await;
    let store = RedisStore::connect(url.as_str()).await.unwrap();
    let limit: Limit = "5/hour".parse().unwrap();
    let other = Key::new("other", "p", "t", "i");
    let error = apply(&store, other, limit, Operation::Check(Cost::ONE))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
}

#[tokio::test]
async fn another_database_needs_select_besides() {
    let redis = TestRedis::start().unwrap();
    let mut admin = connection(redis.url()).await;
    let prefix = unique_prefix();
    let url = format!("redis://limiter:secret@{}/3", redis.addr());
    set_user(&mut admin, &prefix, &COMMANDS).await;
    RedisStore::connect(url.as_str()).await.unwrap_err();
    set_user(&mut admin, &prefix, &[&COMMANDS[..], &["+select"]].concat()).await;
    everything(&mut admin, &url, &prefix).await.unwrap();
}

#[tokio::test]
async fn a_key_that_the_server_writes_never_lacks_its_time_to_live() {
    let redis = TestRedis::start().unwrap();
    let mut admin = connection(redis.url()).await;
    let prefix = unique_prefix();
    let store = RedisStore::connect(redis.url()).await.unwrap();
    for (index, limit) in ["1/1ms", "1/s", "1/m", "1/h", "1/d", "1/366d"]
        .iter()
        .enumerate()
    {
        let identifier = index.to_string();
        let key = Key::new(&prefix, "p", "t", &identifier);
        let limit: Limit = limit.parse().unwrap();
        for operation in [
            Operation::Check(Cost::ONE),
            Operation::Charge(Cost::MAX),
            Operation::Refund {
                cost: Cost::ONE,
                charged_at: at(0),
            },
        ] {
            let _ = apply(&store, key, limit, operation).await.unwrap();
            let ttl: i64 = cmd("PTTL")
                .arg(key.to_string())
                .query_async(&mut admin)
                .await
                .unwrap();
            // Gone by now, or to go; never -1.
            assert!(ttl >= 0 || ttl == -2, "{limit}: {ttl}");
        }
    }
}
