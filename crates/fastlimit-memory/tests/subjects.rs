//! Who shares state with whom.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use fastlimit_core::store::{Key, Operation, Request};
use fastlimit_core::{Cost, Limit, Store};
use fastlimit_memory::MemoryStore;

#[test]
fn keys_whose_parts_shift_between_each_other_are_apart() {
    let store = MemoryStore::new();
    let limit: Limit = "1/day".parse().unwrap();
    let parts = ["", "a", "aa", "aaaaaaaa", "\0", "\u{1}", "default"];
    for (at, [prefix, policy, tenant, identifier]) in fours(&parts).enumerate() {
        let key = Key::new(prefix, policy, tenant, identifier);
        assert!(store.entry(&key).is_none(), "{key}");
        let request = Request::new(key, limit, Operation::Check(Cost::ONE));
        drop(store.apply(&request));
        assert_eq!(store.len(), at + 1, "{key}");
    }
}

fn fours<'a>(parts: &'a [&'a str]) -> impl Iterator<Item = [&'a str; 4]> {
    let count = parts.len();
    (0..count.pow(4)).map(move |at| [0, 1, 2, 3].map(|part| parts[at / count.pow(part) % count]))
}
