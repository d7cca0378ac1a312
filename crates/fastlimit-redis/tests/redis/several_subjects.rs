//! Several subjects of one request: one call of the script where all allow, two where one refuses.

use fastlimit_core::{Cost, Decision, Policy, RateLimiter};
use fastlimit_test_redis::TestRedis;

use crate::fake_server::{Act, FakeServer};
use crate::rig::{Rig, calls, connection, patient};

/// An address, a user and everybody.
fn policies() -> [Policy; 3] {
    [
        ("address", "100000/day"),
        ("user", "10/day"),
        ("overall", "100000/hour; 1000000/day"),
    ]
    .map(|(name, limits)| Policy::new(name, limits).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_leave_in_one_call_and_what_is_given_back_in_another() {
    // A server of its own, since everybody's commands are counted together.
    let redis = TestRedis::start().unwrap();
    // Several connections, so that the keys by themselves would go apart.
    let store = patient(redis.url()).connections(4).connect().await.unwrap();
    let limiter = RateLimiter::new(store);
    let mut counter = connection(redis.url()).await;
    let [per_address, per_user, overall] = policies();
    // The first call loads the script.
    let _ = limiter.check("warm", &per_user).await.unwrap();

    for user in 0..20 {
        let user = user.to_string();
        let subjects = [
            ("198.51.100.7", &per_address),
            (&*user, &per_user),
            ("everybody", &overall),
        ];
        let before = calls(&mut counter, "evalsha").await;
        for check in 1..=10 {
            let decisions = limiter.all(subjects).check().await.unwrap();
            assert!(decisions.is_allowed(), "{decisions:?}");
            assert_eq!(calls(&mut counter, "evalsha").await - before, check);
        }
        let usage = async || limiter.request("everybody").usage(&overall).await.unwrap();
        let left = usage().await.remaining();

        let before = calls(&mut counter, "evalsha").await;
        let decisions = limiter.all(subjects).check().await.unwrap();
        let refused = decisions.refused().unwrap();
        assert_eq!((refused.index(), refused.policy()), (1, "user"));
        assert!(decisions.not_given_back().is_none());
        assert_eq!(decisions.as_slice()[2].remaining(), left);
        assert_eq!(calls(&mut counter, "evalsha").await - before, 2);
        assert_eq!(usage().await.remaining(), left);
    }
}

#[tokio::test]
async fn many_subjects_leave_together_too() {
    let rig = Rig::new();
    let limiter = RateLimiter::builder(rig.store().await);
    let limiter = limiter.prefix(rig.prefix.as_str()).build();
    let policy = Policy::new("many", "2/day").unwrap();
    let identifiers: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    let subjects = || {
        identifiers
            .iter()
            .map(|identifier| (&**identifier, &policy))
    };
    assert!(limiter.all(subjects()).check().await.unwrap().is_allowed());
    let last = limiter.request("299");
    assert!(last.check(&policy).await.unwrap().is_allowed());

    let decisions = limiter.all(subjects()).check().await.unwrap();
    assert_eq!(decisions.refused().unwrap().index(), 299);
    let left = decisions.as_slice().iter().map(Decision::remaining);
    assert_eq!(left.sum::<u64>(), 299);
    assert!(limiter.request("0").reset(&policy).await.is_ok());
}

#[tokio::test]
async fn reservations_of_several_subjects_settle_apart() {
    let rig = Rig::new();
    let limiter = RateLimiter::builder(rig.store().await);
    let limiter = limiter.prefix(rig.prefix.as_str()).build();
    let (prompts, tokens) = (
        Policy::new("prompts", "9/day").unwrap(),
        Policy::new("tokens", "1000/day token-bucket").unwrap(),
    );
    let key = limiter.request("key-1");
    let subjects = [
        key.under(&prompts),
        key.cost(Cost::requests(600)).under(&tokens),
    ];
    let reserved = limiter.all(subjects).reserve().await.unwrap().unwrap();
    let [prompt, answer] = <[_; 2]>::try_from(reserved).unwrap();
    assert_eq!(prompt.decision().remaining(), 8);
    assert_eq!(answer.estimate(), Cost::requests(600));
    let denied = limiter.all(subjects).reserve().await.unwrap().unwrap_err();
    assert_eq!(denied.refused().unwrap().policy(), "tokens");
    assert_eq!(denied.as_slice()[0].remaining(), 8);
    let settled = answer.settle(Cost::requests(100)).await.unwrap();
    assert!(settled.remaining() >= 900, "{settled:?}");
    assert_eq!(prompt.cancel().await.unwrap().remaining(), 9);
}

#[tokio::test]
async fn a_reply_that_is_lost_leaves_the_outcome_unknown_and_asks_no_more() {
    let server = FakeServer::start(|_| Act::ReplyAndClose(Vec::new())).await;
    let limiter = RateLimiter::new(
        patient(&format!("redis://{}", server.addr))
            .connections(1)
            .connect()
            .await
            .unwrap(),
    );
    let [per_address, per_user, overall] = policies();
    let subjects = [("a", &per_address), ("b", &per_user), ("c", &overall)];
    let error = limiter.all(subjects).check().await.unwrap_err();
    assert!(
        error.to_string().contains("may have been charged"),
        "{error}"
    );
    assert_eq!(server.scripts(), 1);
}
