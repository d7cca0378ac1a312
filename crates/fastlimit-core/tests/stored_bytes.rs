//! What stands in a store was written by other versions and has to mean the same to this one. So
//! the bytes stand here as they were written first, and are not computed.

use std::error::Error;
use std::time::Duration;

use fastlimit_core::store::{Entry, Operation};
use fastlimit_core::{Cost, Policy, Timestamp};

/// 50 s after a minute began, 830 s after an hour.
const NOW: u64 = 1_700_000_030_000;

struct Stored {
    limits: &'static str,
    /// The cost in milli and the time of each check that led to the bytes.
    history: &'static [(u64, u64)],
    /// In hexadecimal, a field each.
    bytes: &'static str,
    /// What of each limit is left at a time, in milli, and in how many milliseconds all is back.
    usage: (u64, &'static [(u64, u64)]),
    /// A cost in milli that is denied at that time, and how many milliseconds it has to wait.
    denied: (u64, u64),
}

#[test]
fn a_fixed_window() -> Result<(), Box<dyn Error>> {
    test(&Stored {
        limits: "5/minute",
        history: &[(1_500, NOW), (1_000, NOW + 1_000)],
        bytes: "01 01 000000ea60 00018bcfe519e0 0000000009c4",
        usage: (NOW + 5_000, &[(2_500, 5_000)]),
        denied: (4_000, 5_000),
    })
}

#[test]
fn a_sliding_window() -> Result<(), Box<dyn Error>> {
    test(&Stored {
        limits: "5/minute sliding-window",
        history: &[(2_000, NOW - 60_000), (1_500, NOW)],
        bytes: "01 02 000000ea60 00018bcfe519e0 0000000005dc 0000000007d0",
        usage: (NOW + 5_000, &[(3_333, 65_000)]),
        denied: (4_000, 25_000),
    })
}

#[test]
fn a_token_bucket() -> Result<(), Box<dyn Error>> {
    test(&Stored {
        limits: "7/minute burst 20 token-bucket",
        history: &[(10_000, NOW), (1_000, NOW + 12_345)],
        bytes: "01 03 000000ea60 00018bcfe60d69 000000002557 000000afc8 000000014015",
        usage: (NOW + 12_345, &[(10_440, 81_941)]),
        denied: (11_000, 4_798),
    })
}

#[test]
fn a_sliding_log() -> Result<(), Box<dyn Error>> {
    test(&Stored {
        limits: "3/second sliding-log",
        history: &[(1_000, NOW), (1_500, NOW + 400)],
        bytes: "01 04 00000003e8 00018bcfe5dec0 0000000009c4 0002 \
                00018bcfe5dd30 0000000003e8 00018bcfe5dec0 0000000005dc",
        usage: (NOW + 500, &[(500, 900)]),
        denied: (1_000, 500),
    })
}

#[test]
fn two_records() -> Result<(), Box<dyn Error>> {
    test(&Stored {
        limits: "5/minute; 100/hour sliding-window",
        history: &[(2_000, NOW)],
        bytes: "01 01 000000ea60 00018bcfe519e0 0000000007d0 \
                02 000036ee80 00018bcfd93300 0000000007d0 000000000000",
        usage: (NOW + 5_000, &[(3_000, 5_000), (98_000, 6_365_000)]),
        denied: (4_000, 5_000),
    })
}

fn test(stored: &Stored) -> Result<(), Box<dyn Error>> {
    let policy: Policy = stored.limits.parse()?;
    let bytes: Vec<u8> = stored.bytes.split_whitespace().flat_map(bytes).collect();

    let mut written = Entry::new();
    for &(cost, now) in stored.history {
        let check = Operation::Check(Cost::milli(cost));
        let applied = written.apply(policy.limits(), check, Timestamp::from_millis(now));
        assert!(applied.decision.is_allowed());
    }
    assert_eq!(bytes_of(&written), bytes);

    let mut read = Entry::from_bytes(&bytes)?;
    assert_eq!(bytes_of(&read), bytes);
    let (now, usage) = stored.usage;
    let mut peek = |milli| {
        let operation = Operation::Peek(Cost::milli(milli));
        let applied = read.apply(policy.limits(), operation, Timestamp::from_millis(now));
        applied.decision
    };
    for (limit, &(remaining, reset_after)) in peek(0).limits().iter().zip(usage) {
        assert_eq!(limit.remaining_cost(), Cost::milli(remaining));
        assert_eq!(limit.reset_after(), Duration::from_millis(reset_after));
    }
    let (cost, wait) = stored.denied;
    assert_eq!(peek(cost).retry_after(), Some(Duration::from_millis(wait)));
    Ok(())
}

fn bytes_of(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry.write_to(&mut bytes);
    bytes
}

/// The bytes of a number in hexadecimal.
fn bytes(number: &str) -> impl Iterator<Item = u8> {
    let digits = (0..number.len()).step_by(2).map(|at| &number[at..at + 2]);
    digits.map_while(|digits| u8::from_str_radix(digits, 16).ok())
}
