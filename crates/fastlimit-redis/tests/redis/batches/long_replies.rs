//! Replies that are one text of numbers, and those that would be too long for it.

use fastlimit_core::{Cost, Key, ManualClock, Operation, Policy, Request};

use super::together;
use crate::rig::{Rig, apply, at, patient};

#[tokio::test]
async fn a_reply_of_any_length_is_read() {
    let rig = Rig::new();
    let clock = ManualClock::new(at(1_700_000_000_000));
    let store = patient(rig.url()).clock(clock).connections(1);
    let store = store.connect().await.unwrap();
    let policy = "1/day; 2/2d; 3/3d sliding-window; 4/4d token-bucket; 5/5d; 6/6d; \
        7/7d; 8/8d; 9/9d; 10/10d; 11/11d";
    let policy = Policy::new("default", policy).unwrap();
    let check = Operation::Check(Cost::ONE);
    let identifiers: Vec<_> = (0..256).map(|number| number.to_string()).collect();
    let keys: Vec<_> = identifiers.iter().map(|name| rig.key(name)).collect();
    let requests = |count| {
        let keys: Vec<Key<'_>> = keys.iter().copied().take(count).collect();
        keys.into_iter()
            .map(|key| Request::new(key, &policy, check))
    };
    for answer in together(&store, requests(256)).await {
        assert!(answer.unwrap().is_allowed());
    }
    let expected = apply(&store, keys[0], &policy, check).await.unwrap();
    assert!(!expected.is_allowed());
    // Three numbers for each limit, and one more: 3,979 and 4,013 numbers, and 8,705, which is more
    // than Lua's stack holds.
    for count in [2, 117, 118, 256] {
        for (key, answer) in together(&store, requests(count))
            .await
            .into_iter()
            .enumerate()
        {
            assert_eq!(answer.unwrap(), expected, "{key} of {count}");
        }
    }
}
