//! An identifier may be a secret, and stands in no `Debug`.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

use fastlimit::MemoryStore;
use fastlimit_core::store::{Key, Operation, OwnedKey, Request};
use fastlimit_core::{Cost, Policy, RateLimiter};

const IDENTIFIER: &str = "sk-live-hunter2";

/// Its length and the first digits of its SHA-256.
const SHOWN: &str = "[15 bytes, SHA-256 054421b7]";

#[tokio::test]
async fn no_debug_shows_an_identifier() {
    let limiter = RateLimiter::new(MemoryStore::new());
    let policy = Policy::new("api", "9/hour").unwrap();
    let key = Key::new("fl", "api", "default", IDENTIFIER);
    let request = Request::new(key, &policy, Operation::Check(Cost::ONE));
    let builder = limiter.request(IDENTIFIER);
    let reservation = builder.reserve(Cost::ONE, &policy).await.unwrap().unwrap();
    for debug in [
        format!("{key:?}"),
        format!("{:?}", OwnedKey::from(key)),
        format!("{request:#?}"),
        format!("{:?}", request.to_owned()),
        format!("{builder:?}"),
        format!("{:?}", builder.check(&policy)),
        format!("{reservation:?}"),
        format!("{:?}", builder.under(&policy)),
        format!("{:?}", limiter.all([(IDENTIFIER, &policy)])),
    ] {
        assert!(!debug.contains("hunter2"), "{debug}");
        assert!(debug.contains(SHOWN), "{debug}");
    }
}
