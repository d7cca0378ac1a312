//! Keys of any bytes never share state.

use std::collections::HashSet;

use fastlimit_core::store::{Key, Operation};
use fastlimit_core::{Cost, Limit};

use crate::rig::{Rig, apply};

#[tokio::test]
async fn odd_keys_do_not_collide() {
    let rig = Rig::new();
    let store = rig.store().await;
    let mut stored = rig.stored().await;
    let long = "x".repeat(10_000);
    let longer = "x".repeat(10_001);
    let odd = [
        "",
        "a",
        "A",
        ":",
        "::",
        "a:b",
        "{",
        "}",
        "{a}",
        "{}",
        "%",
        "%25",
        "%7B",
        "%_",
        "%#",
        " ",
        "\n",
        "\r\n",
        "\0",
        "a\0",
        "é",
        "e\u{301}",
        "🦀",
        "\u{202e}abc",
        "default",
        "*",
        "?",
        "[a]",
        "\\",
        "\"",
        &long,
        &longer,
    ];
    let limit: Limit = "3/day".parse().unwrap();
    let mut keys = HashSet::new();
    for identifier in odd {
        for (policy, tenant) in [("p", "t"), ("p", identifier), (identifier, "t")] {
            // Some of these are the same key.
            if !keys.insert((policy, tenant, identifier)) {
                continue;
            }
            let key = Key::new(&rig.prefix, policy, tenant, identifier);
            let decision = apply(&store, key, limit, Operation::Check(Cost::ONE)).await;
            let decision = decision.unwrap();
            assert_eq!(decision.remaining_cost(), Cost::requests(2), "{key:?}");
        }
    }
    assert_eq!(stored.keys(&rig.prefix).await.len(), keys.len());
    for (policy, tenant, identifier) in keys {
        let key = Key::new(&rig.prefix, policy, tenant, identifier);
        let decision = apply(&store, key, limit, Operation::Peek(Cost::ZERO)).await;
        assert_eq!(
            decision.unwrap().remaining_cost(),
            Cost::requests(2),
            "{key:?}"
        );
    }
}
