//! The store on a Unix socket.

use fastlimit_core::store::Operation;
use fastlimit_core::{Cost, Limit};
use fastlimit_test_redis::{Source, TestRedis};

use crate::rig::{Rig, apply, patient};

#[tokio::test]
async fn a_unix_socket_is_as_good_as_tcp() {
    let redis = TestRedis::start().unwrap();
    let Some(path) = redis.unix_socket() else {
        // Only a server that runs on this machine has one.
        assert_ne!(redis.source(), Source::Path);
        println!(
            "not tested: the server of {} has no Unix socket",
            redis.source()
        );
        return;
    };
    let rig = Rig::new();
    let limit: Limit = "9/day".parse().unwrap();
    for (scheme, remaining) in [("unix", 8), ("redis+unix", 7)] {
        let url = format!("{scheme}://{}", path.display());
        let store = patient(&url).connect().await.unwrap();
        let decision = apply(&store, rig.key("a"), limit, Operation::Check(Cost::ONE)).await;
        assert_eq!(
            decision.unwrap().remaining_cost(),
            Cost::requests(remaining)
        );
        assert!(format!("{store:?}").contains(&path.display().to_string()));
    }
}
