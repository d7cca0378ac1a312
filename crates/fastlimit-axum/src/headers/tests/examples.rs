//! The examples of the drafts, as far as a limiter of requests can say them. They also have units
//! of bytes, windows that never reset, and names without quotes.

use std::time::Duration;

use sfv::Parser;

use super::*;
use crate::charged::binding;
use crate::denial::retry_after;

#[test]
fn the_examples_of_draft_11_are_reproduced() {
    let policies = [
        (
            vec![("burst", "100/minute"), ("daily", "1000/day")],
            r#""burst";q=100;w=60,"daily";q=1000;w=86400"#,
        ),
        (vec![("default", "100/10s")], r#""default";q=100;w=10"#),
        (
            vec![("permin", "50/minute"), ("perhr", "1000/hour")],
            r#""permin";q=50;w=60,"perhr";q=1000;w=3600"#,
        ),
        (
            vec![("hour", "1000/hour"), ("day", "5000/day")],
            r#""hour";q=1000;w=3600, "day";q=5000;w=86400"#,
        ),
        (
            vec![("fixedwindow", "100/minute")],
            r#""fixedwindow";q=100;w=60"#,
        ),
        (vec![("dynamic", "15/20s")], r#""dynamic";q=15;w=20"#),
    ];
    for (policies, example) in policies {
        let charges: Vec<_> = policies
            .iter()
            .map(|(name, limits)| charged(name, limits, 0, &[allowed(1, 0)], false))
            .collect();
        let fields = written(HeaderFamily::Draft11, &charges);
        assert_eq!(list(&fields, "ratelimit-policy"), items(example));
    }

    for (name, status, example) in [
        ("default", allowed(50, 30_000), r#""default";r=50;t=30"#),
        (
            "dayLimit",
            allowed(100, 36_000_000),
            r#""dayLimit";r=100;t=36000"#,
        ),
        ("basic", allowed(60, 58_000), r#""basic";r=60;t=58"#),
        ("default", allowed(0, 50_000), r#""default";r=0;t=50"#),
        (
            "fixedwindow",
            allowed(99, 49_001),
            r#""fixedwindow";r=99;t=50"#,
        ),
    ] {
        let charges = [charged(name, "100/minute", 0, &[status], false)];
        assert_eq!(
            written(HeaderFamily::Draft11, &charges)["ratelimit"],
            example
        );
    }

    let denied = Status {
        remaining_milli: 0,
        reset_after: 60_000,
        is_denied: true,
        next_after: Some(5_000),
    };
    let charges = [charged("default", "100/minute", 0, &[denied], false)];
    assert_eq!(
        written(HeaderFamily::Draft11, &charges)["ratelimit"],
        r#""default";r=0;t=5"#
    );
    assert_eq!(
        binding(&charges).and_then(|refused| retry_after(refused.decision(), Duration::ZERO)),
        Some(5)
    );
}

#[test]
fn the_examples_of_draft_03_are_reproduced() {
    let charges = [charged(
        "users",
        "100/10s",
        0,
        &[allowed(50, 50_000)],
        false,
    )];
    let fields = written(HeaderFamily::Draft03, &charges);
    assert_eq!(fields["ratelimit-limit"], "100");
    assert_eq!(fields["ratelimit-remaining"], "50");
    assert_eq!(fields["ratelimit-reset"], "50");
    for value in fields.values() {
        Parser::new(value.as_bytes()).parse::<sfv::Item>().unwrap();
    }
}

#[test]
fn partition_keys_are_byte_sequences() {
    let charges = [charged("users", "5/second", 0, &[allowed(4, 10)], true)];
    let fields = written(HeaderFamily::Draft11, &charges);
    for name in ["ratelimit-policy", "ratelimit"] {
        let items = list(&fields, name);
        assert_eq!(items[0].pk.as_deref(), Some(&b"0123456789abcdef"[..]));
    }
}
