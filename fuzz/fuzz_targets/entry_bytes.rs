//! No bytes make an entry panic: not reading them, and not what is done with what was read. What
//! is read is written as the same bytes.

#![no_main]

use fastlimit_core::store::{Entry, Operation};
use fastlimit_core::{Cost, Policy, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], u64, u64)| {
    let (bytes, cost, now) = input;
    let Ok(mut entry) = Entry::from_bytes(bytes) else {
        return;
    };
    let mut again = Vec::new();
    entry.write_to(&mut again);
    assert_eq!(again, bytes);

    let now = Timestamp::from_millis(now);
    let _ = (entry.is_spent(now), entry.usage_per_mille(now), entry.expires_at());
    let text = "5/second; 5/second sliding-window; 5/second burst 9 token-bucket; \
                1/366d token-bucket; 5/second sliding-log";
    let policy: Policy = text.parse().expect("a policy");
    for operation in [
        Operation::Check(Cost::milli(cost)),
        Operation::Refund {
            cost: Cost::milli(cost),
            charged_at: now,
        },
        Operation::Charge(Cost::milli(cost)),
        Operation::Reset,
    ] {
        let _ = entry.apply(policy.limits(), operation, now);
    }
});
