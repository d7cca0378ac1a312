//! What holds for all families together.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::charged::binding;
use crate::denial::retry_after;

#[test]
fn the_strictest_limit_of_several_subjects_is_shown() {
    let denied = |next_after| Status {
        remaining_milli: 2_000,
        reset_after: 90_000,
        is_denied: true,
        next_after,
    };
    let nothing_left = |wait| Status {
        remaining_milli: 0,
        ..denied(Some(wait))
    };
    for (first, second, expected) in [
        (allowed(4, 1_000), allowed(3, 9_000), (7, 3, 9)),
        (allowed(3, 1_000), allowed(4, 9_000), (5, 3, 1)),
        (allowed(3, 1_000), allowed(3, 9_000), (7, 3, 9)), // the longest wait of the next
        (allowed(3, 9_000), allowed(3, 9_000), (5, 3, 9)), // the first of equals
        (allowed(0, 1_000), denied(Some(2_000)), (7, 2, 2)),
        (denied(Some(3_000)), denied(Some(2_000)), (5, 2, 3)),
        (denied(Some(3_000)), denied(None), (7, 2, 90)),
        // Of two denials what remains plays no part.
        (denied(Some(2_000)), nothing_left(2_000), (5, 2, 2)),
        (denied(Some(2_000)), nothing_left(3_000), (7, 0, 3)),
    ] {
        let charges = [
            charged("a", "5/minute", 0, &[first], false),
            charged("b", "7/minute", 0, &[second], false),
        ];
        let fields = written(HeaderFamily::XRateLimit, &charges);
        let shown = (
            number(&fields, "x-ratelimit-limit"),
            number(&fields, "x-ratelimit-remaining"),
            number(&fields, "x-ratelimit-reset"),
        );
        assert_eq!(shown, expected);
    }
}

const NAMES: [&str; 4] = ["users", "users-minute", r#"a"b\c"#, "%41, ;"];
const LIMITS: [&str; 4] = [
    "100/minute",
    "1_000_000_000/366d",
    "5/second; 100/minute; 9/minute token-bucket",
    "0/1ms; 7/3 hours burst 1_000_000 token-bucket",
];

prop_compose! {
    fn any_status()(
        remaining_milli in prop_oneof![0..3_000_u64, any::<u64>()],
        reset_after in prop_oneof![0..100_000_u64, 0..=u64::MAX / 2],
        is_denied in any::<bool>(),
        next_after in proptest::option::weighted(0.8, 0..200_000_u64),
    ) -> Status {
        Status { remaining_milli, reset_after, is_denied, next_after }
    }
}

prop_compose! {
    fn any_charge(now: u64)(
        name in 0..NAMES.len(),
        limits in 0..LIMITS.len(),
        statuses in vec(any_status(), 3),
        pk in any::<bool>(),
    ) -> Charged {
        charged(NAMES[name], LIMITS[limits], now, &statuses, pk)
    }
}

fn any_charges() -> impl Strategy<Value = Vec<Charged>> {
    (0..1_u64 << 45).prop_flat_map(|now| vec(any_charge(now), 1..4))
}

proptest! {
    #[test]
    fn all_families_describe_the_same_quota(charges in any_charges()) {
        let one = written(HeaderFamily::XRateLimit, &charges);
        let epoch = written(HeaderFamily::XRateLimitEpoch, &charges);
        let families = [HeaderFamily::XRateLimit, HeaderFamily::Draft03, HeaderFamily::Draft11];
        let all = written(families, &charges);

        let quota = |fields: &HeaderMap, [limit, remaining, reset]: [&str; 3]| {
            (number(fields, limit), number(fields, remaining), number(fields, reset))
        };
        let shown = quota(&one, ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]);
        let (limit, remaining, reset) = shown;
        prop_assert_eq!(shown, quota(&all, ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]));
        prop_assert_eq!(shown, quota(&all, ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]));

        prop_assert_eq!(limit, number(&epoch, "x-ratelimit-limit"));
        prop_assert_eq!(remaining, number(&epoch, "x-ratelimit-remaining"));
        // Both are the same moment, each rounded up.
        let moment = number(&epoch, "x-ratelimit-reset") * 1_000;
        let now = charges[0].decision().now();
        let late = now.saturating_add(Duration::from_secs(reset)).as_millis();
        let early = now.saturating_add(Duration::from_secs(reset.saturating_sub(1))).as_millis();
        prop_assert!((early..late + 1_000).contains(&moment), "{moment} in {early}..{late}");

        const MOST: u64 = 999_999_999_999_999;
        let policies = list(&all, "ratelimit-policy");
        let limits = list(&all, "ratelimit");
        let count: usize = charges.iter().map(|charged| charged.policy().limits().len()).sum();
        prop_assert_eq!(policies.len(), count);
        prop_assert_eq!(limits.len(), count);
        for (policy, limit) in policies.iter().zip(&limits) {
            prop_assert_eq!((&policy.name, &policy.pk), (&limit.name, &limit.pk));
            prop_assert!(policy.integer("w") > 0);
        }
        let quotas = policies.iter().zip(&limits);
        let same = quotas.clone().filter(|(policy, item)| {
            (policy.integer("q"), item.integer("r"), item.integer("t"))
                == (limit.min(MOST), remaining.min(MOST), reset.min(MOST))
        });
        prop_assert!(same.count() > 0, "{shown:?} is not in {limits:?}");
        let mut names: Vec<_> = policies.iter().map(|item| &item.name).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }

    #[test]
    fn retry_after_is_never_before_the_reset_of_a_denied_limit(charges in any_charges()) {
        let Some(seconds) = binding(&charges).and_then(|refused| retry_after(refused.decision(), Duration::ZERO)) else {
            return Ok(());
        };
        let limits = list(&written(HeaderFamily::Draft11, &charges), "ratelimit");
        let statuses = charges.iter().flat_map(|charged| charged.decision().limits());
        for (status, limit) in statuses.zip(limits) {
            prop_assert!(status.is_allowed() || limit.integer("t") <= seconds);
        }
    }
}
