use proptest::prelude::*;

use super::*;
use crate::{Algorithm, Rate};

fn limit(text: &str) -> Limit {
    text.parse().unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn check(entry: &mut Entry, limits: &[Limit], milli: u64, now: u64) -> Decision {
    entry
        .apply(limits, Operation::Check(Cost::milli(milli)), at(now))
        .decision
}

#[test]
fn counts_down_to_the_capacity_and_no_further() {
    let limits = [limit("3/minute")];
    let mut entry = Entry::new();
    for remaining in [2_000, 1_000, 0] {
        let decision = check(&mut entry, &limits, 1_000, 61_000);
        assert_eq!(decision.remaining_cost().as_milli(), remaining);
    }
    let denied = check(&mut entry, &limits, 1, 61_000);
    assert!(!denied.is_allowed());
    assert_eq!(denied.retry_after().unwrap().as_millis(), 59_000);
    assert!(check(&mut entry, &limits, 1, 120_000).is_allowed());
}

#[test]
fn a_clock_that_steps_back_stays_in_the_later_window() {
    let limits = [limit("1/second")];
    let mut entry = Entry::new();
    assert!(check(&mut entry, &limits, 1_000, 5_000).is_allowed());
    let denied = check(&mut entry, &limits, 1_000, 4_500);
    assert!(!denied.is_allowed());
    // From the caller's own, older time.
    assert_eq!(denied.retry_after().unwrap().as_millis(), 1_500);
    assert_eq!(denied.charged_at(), at(5_000));
    assert_eq!(denied.now(), at(4_500));
}

#[test]
fn a_date_far_ahead_locks_nobody_out() {
    let limits = [limit("1/second")];
    let mut entry = Entry::new();
    let ten_years = 10 * 365 * 86_400_000;
    assert!(check(&mut entry, &limits, 1_000, ten_years).is_allowed());
    let just_too_far = ten_years - 1_000 - 60_000 - 1;
    assert!(!check(&mut entry.clone(), &limits, 1_000, just_too_far + 1).is_allowed());
    assert!(check(&mut entry, &limits, 1_000, just_too_far).is_allowed());
    assert!(!check(&mut entry, &limits, 1_000, just_too_far).is_allowed());
}

#[test]
fn charges_all_limits_or_none() {
    let limits = [limit("2/second"), limit("3/hour")];
    let mut entry = Entry::new();
    assert!(check(&mut entry, &limits, 2_000, 1_000).is_allowed());
    let before = entry.clone();
    let denied = check(&mut entry, &limits, 2_000, 2_000);
    assert!(!denied.is_allowed());
    assert_eq!(entry, before);
    assert_eq!(denied.binding(), denied.limits()[1]);
    assert!(denied.limits()[0].is_allowed());
    assert_eq!(denied.limits()[0].remaining_cost(), Cost::requests(2));
    assert_eq!(denied.remaining_cost(), Cost::requests(1));
}

#[test]
fn records_of_other_limits_live_until_they_expire() {
    let mut entry = Entry::new();
    let (second, hour) = ([limit("5/second")], [limit("5/hour")]);
    let _ = check(&mut entry, &hour, 1_000, 3_600_000);
    let _ = check(&mut entry, &second, 1_000, 3_600_000);
    assert_eq!(
        check(&mut entry, &hour, 1_000, 3_600_001).remaining_cost(),
        Cost::requests(3)
    );
    assert_eq!(entry.records.as_slice().len(), 2);
    // The second's record is dead and its grace is over.
    let _ = check(&mut entry, &hour, 1_000, 3_602_000);
    assert_eq!(entry.records.as_slice().len(), 1);
    assert_eq!(entry.expires_at(), at(2 * 3_600_000 + 60_000));
}

#[test]
fn a_changed_number_keeps_the_count_and_a_changed_period_does_not() {
    let mut entry = Entry::new();
    let _ = check(&mut entry, &[limit("10/minute")], 8_000, 0);
    let lowered = check(&mut entry, &[limit("5/minute")], 1_000, 0);
    assert!(!lowered.is_allowed());
    assert_eq!(lowered.remaining_cost(), Cost::ZERO);
    assert_eq!(
        check(&mut entry, &[limit("20/minute")], 0, 0).remaining_cost(),
        Cost::requests(12)
    );
    assert_eq!(
        check(&mut entry, &[limit("5/hour")], 0, 0).remaining_cost(),
        Cost::requests(5)
    );
}

#[test]
fn a_refund_goes_to_the_window_it_came_from() {
    let limits = [limit("5/second")];
    let mut entry = Entry::new();
    let charged_at = check(&mut entry, &limits, 3_000, 1_200).charged_at();
    let refund = |cost, charged_at| Operation::Refund { cost, charged_at };
    let applied = entry.apply(&limits, refund(Cost::ONE, charged_at), at(1_900));
    assert_eq!(applied.decision.remaining_cost(), Cost::requests(3));
    // Never above the capacity.
    let applied = entry.apply(&limits, refund(Cost::MAX, charged_at), at(1_900));
    assert_eq!(applied.decision.remaining_cost(), Cost::requests(5));
    let _ = check(&mut entry, &limits, 3_000, 2_000);
    let applied = entry.apply(&limits, refund(Cost::ONE, charged_at), at(2_000));
    assert!(!applied.changed);
    assert_eq!(applied.decision.remaining_cost(), Cost::requests(2));
}

#[test]
fn a_debt_saturates_and_ends_with_the_window() {
    let limits = [limit("5/second")];
    let mut entry = Entry::new();
    for _ in 0..3 {
        let charge = Operation::Charge(Cost::milli(u64::MAX));
        let decision = entry.apply(&limits, charge, at(1_000)).decision;
        assert!(decision.is_allowed());
        assert_eq!(decision.remaining_cost(), Cost::ZERO);
    }
    assert!(!check(&mut entry, &limits, 1, 1_999).is_allowed());
    assert_eq!(
        check(&mut entry, &limits, 0, 2_000).remaining_cost(),
        Cost::requests(5)
    );
}

#[test]
fn reset_forgets_only_the_limits_of_the_request() {
    let limits = [limit("5/second"), limit("5/hour")];
    let mut entry = Entry::new();
    let _ = check(&mut entry, &limits, 5_000, 1_000);
    let applied = entry.apply(&limits[..1], Operation::Reset, at(1_000));
    assert!(applied.changed && applied.decision.is_allowed());
    assert_eq!(applied.decision.remaining_cost(), Cost::requests(5));
    assert!(!check(&mut entry, &limits, 1, 1_000).is_allowed());
    assert!(
        !entry
            .apply(&limits[..1], Operation::Reset, at(1_000))
            .changed
    );
}

#[test]
fn spent_goes_by_the_capacity_last_seen() {
    let mut entry = Entry::new();
    let _ = check(&mut entry, &[limit("10/minute")], 8_000, 0);
    assert!(!entry.is_spent(at(0)));
    assert_eq!(entry.usage_per_mille(at(0)), 800);
    // A denied check under a lowered limit changes no state, and is remembered all the same.
    assert!(!check(&mut entry, &[limit("5/minute")], 1_000, 0).is_allowed());
    assert!(entry.is_spent(at(0)));
    assert!(!entry.is_spent(at(60_000)));
}

fn wait(decision: &Decision) -> u64 {
    u64::try_from(decision.retry_after().unwrap().as_millis()).unwrap()
}

#[test]
fn a_sliding_window_counts_what_it_still_covers() {
    let limits = [limit("10/minute sliding-window")];
    let mut entry = Entry::new();
    assert!(check(&mut entry, &limits, 10_000, 59_999).is_allowed());
    // All of the window before still counts, then ever less of it.
    assert_eq!(wait(&check(&mut entry, &limits, 1_000, 60_000)), 6_000);
    assert!(!check(&mut entry, &limits, 1_000, 65_999).is_allowed());
    let decision = check(&mut entry, &limits, 1_000, 66_000);
    assert!(decision.is_allowed());
    assert_eq!(decision.remaining_cost(), Cost::ZERO);
    assert_eq!(decision.reset_after().as_millis(), 2 * 60_000 - 6_000);
    // The whole capacity: when this window has left the one after it.
    assert_eq!(wait(&check(&mut entry, &limits, 10_000, 66_000)), 114_000);
    // A part is rounded up: at 90 s half of the 10 and the 1 count.
    assert_eq!(
        check(&mut entry, &limits, 0, 90_000).remaining_cost(),
        Cost::requests(4)
    );
    assert_eq!(
        check(&mut entry, &limits, 0, 89_999).remaining_cost(),
        Cost::milli(3_999)
    );
}

#[test]
fn a_sliding_refund_finds_its_window_or_none() {
    let limits = [limit("10/second sliding-window")];
    let mut entry = Entry::new();
    let refund = |cost, charged_at| Operation::Refund {
        cost: Cost::requests(cost),
        charged_at: at(charged_at),
    };
    let _ = check(&mut entry, &limits, 4_000, 1_000);
    let _ = check(&mut entry, &limits, 4_000, 2_000);
    let decision = entry.apply(&limits, refund(1, 1_999), at(2_000)).decision;
    assert_eq!(decision.remaining_cost(), Cost::requests(3));
    let decision = entry.apply(&limits, refund(9, 2_999), at(2_000)).decision;
    assert_eq!(decision.remaining_cost(), Cost::requests(7));
    assert!(!entry.apply(&limits, refund(1, 999), at(2_000)).changed);
    assert!(!entry.apply(&limits, refund(1, 3_000), at(2_000)).changed);
}

#[test]
fn a_bucket_refills_exactly() {
    let limits = [limit("1/hour burst 2 token-bucket")];
    let mut entry = Entry::new();
    assert!(check(&mut entry, &limits, 2_000, 0).is_allowed());
    let denied = check(&mut entry, &limits, 1_000, 1);
    assert_eq!(wait(&denied), 3_599_999);
    assert_eq!(denied.reset_after().as_millis(), 7_199_999);
    // Asking all the time loses no fraction.
    for now in (0..3_600_000).step_by(7) {
        assert!(!check(&mut entry, &limits, 1_000, now).is_allowed());
    }
    assert!(check(&mut entry, &limits, 1_000, 3_600_000).is_allowed());
    // A milli takes 3.6 s.
    assert!(!check(&mut entry, &limits, 1, 3_603_599).is_allowed());
    assert!(check(&mut entry, &limits, 1, 3_603_600).is_allowed());
}

#[test]
fn a_fast_bucket_is_exact_too() {
    let limits = [limit("1_000_000_000/second burst 1 token-bucket")];
    let mut entry = Entry::new();
    assert!(check(&mut entry, &limits, 1_000, 0).is_allowed());
    assert_eq!(wait(&check(&mut entry, &limits, 1, 0)), 1);
    assert!(check(&mut entry, &limits, 1_000, 1).is_allowed());
}

#[test]
fn a_bucket_without_a_rate_denies_and_remembers() {
    let (open, shut) = (
        [limit("5/minute token-bucket")],
        [limit("0/minute token-bucket")],
    );
    let mut entry = Entry::new();
    assert!(check(&mut entry, &open, 5_000, 60_000).is_allowed());
    let before = entry.clone();
    for operation in [
        Operation::Check(Cost::ONE),
        Operation::Charge(Cost::ONE),
        Operation::Refund {
            cost: Cost::ONE,
            charged_at: at(60_000),
        },
    ] {
        let applied = entry.apply(&shut, operation, at(30_000));
        assert!(!applied.changed);
        assert_eq!(applied.decision.remaining_cost(), Cost::ZERO);
        assert_eq!(applied.decision.reset_after().as_millis(), 0);
        assert_eq!(applied.decision.retry_after(), None);
        // It has no time of its own.
        assert_eq!(applied.decision.charged_at(), at(30_000));
    }
    assert_eq!(entry, before);
    assert!(!check(&mut entry, &open, 1_000, 60_000).is_allowed());
}

#[test]
fn a_lowered_rate_does_not_make_a_level_last_for_ever() {
    let mut entry = Entry::new();
    let fast = [limit("1_000_000_000/day token-bucket")];
    assert!(check(&mut entry, &fast, 1_000_000_000_000, 0).is_allowed());
    let slow = [limit("1/day token-bucket")];
    let denied = check(&mut entry, &slow, 1_000, 0);
    assert!(!denied.is_allowed());
    assert_eq!(denied.remaining_cost(), Cost::ZERO);
    assert_eq!(denied.reset_after().as_millis(), 3_155_760_000_000);
    assert_eq!(wait(&denied), 3_155_760_000_000);
}

#[test]
fn algorithms_with_the_same_period_keep_apart() {
    let limits = [
        limit("5/second"),
        limit("4/second sliding-window"),
        limit("3/second burst 6 token-bucket"),
    ];
    let mut entry = Entry::new();
    let decision = check(&mut entry, &limits, 4_000, 1_000);
    assert!(decision.is_allowed());
    let left: Vec<_> = decision
        .limits()
        .iter()
        .map(|v| v.remaining_cost().as_milli())
        .collect();
    assert_eq!(left, [1_000, 0, 2_000]);
    let denied = check(&mut entry, &limits, 1_000, 1_000);
    assert_eq!(denied.binding(), denied.limits()[1]);
    assert_eq!(entry.records.as_slice().len(), 3);
}

#[test]
fn a_log_admits_no_more_in_any_interval() {
    let limits = [limit("3/second sliding-log")];
    let mut entry = Entry::new();
    for now in [1_900, 1_950, 1_950] {
        assert!(check(&mut entry, &limits, 1_000, now).is_allowed());
    }
    let denied = check(&mut entry, &limits, 1_000, 2_500);
    assert_eq!(wait(&denied), 400);
    assert_eq!(denied.reset_after().as_millis(), 450);
    // The two of one millisecond leave together.
    assert_eq!(wait(&check(&mut entry, &limits, 1_001, 2_500)), 450);
    assert!(check(&mut entry, &limits, 1_000, 2_899).is_denied());
    assert!(check(&mut entry, &limits, 1_000, 2_900).is_allowed());
    assert_eq!(check(&mut entry, &limits, 0, 2_950).remaining(), 2);
    // What was charged at a time is given back there or not at all.
    let refund = |charged_at| Operation::Refund {
        cost: Cost::requests(5),
        charged_at: at(charged_at),
    };
    assert!(!entry.apply(&limits, refund(1_950), at(2_950)).changed);
    assert!(!entry.apply(&limits, refund(2_899), at(2_950)).changed);
    let refunded = entry.apply(&limits, refund(2_900), at(2_950)).decision;
    assert_eq!(refunded.remaining(), 3);
}

#[test]
fn a_log_of_many_small_costs_keeps_its_size_and_admits_less() {
    let limits = [limit("2/minute sliding-log")];
    let mut entry = Entry::new();
    // One more than it has entries: the first counts as if it had come with the second.
    for now in 0..=1_000 {
        assert!(check(&mut entry, &limits, 1, 10 * now).is_allowed());
    }
    let mut bytes = Vec::new();
    entry.write_to(&mut bytes);
    assert_eq!(bytes.len(), 1 + 6 + 15 + 1_000 * 13);
    let remaining = |now| {
        let usage = check(&mut entry.clone(), &limits, 0, now);
        usage.remaining_cost().as_milli()
    };
    assert_eq!(remaining(60_009), 2_000 - 1_001);
    assert_eq!(remaining(60_010), 2_000 - 999);
    assert_eq!(remaining(60_020), 2_000 - 998);
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let requests = prop_oneof![
        0_u32..20,
        999_999_990..=1_000_000_000_u32,
        0..=1_000_000_000_u32
    ];
    let period = prop_oneof![
        1_u64..100,
        Just(1_000),
        Just(3_600_000),
        31_622_399_990..=31_622_400_000_u64,
        1..=31_622_400_000_u64
    ];
    let algorithm = prop::sample::select(Algorithm::ALL);
    (requests, period, algorithm, 1_u32..50).prop_map(|(requests, period, algorithm, burst)| {
        let rate = |requests: u32| Rate::from_parts(u64::from(requests), period).unwrap();
        match algorithm {
            Algorithm::TokenBucket => Limit::token_bucket(rate(requests), burst).ok(),
            Algorithm::SlidingLog => Limit::new(rate(requests % 1_001), algorithm).ok(),
            _ => None,
        }
        .unwrap_or_else(|| Limit::new(rate(requests), algorithm).unwrap())
    })
}

/// A cost in parts of the capacity, in 256ths, or of a few milli.
fn cost_of(limit: &Limit, part: u64) -> Cost {
    Cost::milli(limit.capacity().as_milli() * part / 256 + part % 3)
}

proptest! {
    #[test]
    fn bytes_round_trip(charges in prop::collection::vec((any_limit(), any::<u64>(), 0_u64..1 << 40), 0..5)) {
        let mut entry = Entry::new();
        for (limit, cost, now) in charges {
            let limits = [limit];
            let _ = entry.apply(&limits, Operation::Charge(Cost::milli(cost)), at(now));
        }
        let mut bytes = Vec::new();
        entry.write_to(&mut bytes);
        prop_assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(entry) = Entry::from_bytes(&bytes) {
            let mut again = Vec::new();
            entry.write_to(&mut again);
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn a_peek_answers_as_the_check_would(
        used in 0_u64..6_000, cost in 0_u64..6_000, now in 0_u64..4_000, both in any::<bool>(),
    ) {
        let all = [limit("5/second"), limit("4/2s")];
        let limits = &all[..if both { 2 } else { 1 }];
        let mut entry = Entry::new();
        let _ = check(&mut entry, limits, used, 1_000);
        let before = entry.clone();
        let peek = entry.apply(limits, Operation::Peek(Cost::milli(cost)), at(now));
        prop_assert!(!peek.changed);
        prop_assert_eq!(&entry, &before);
        let check = check(&mut entry, limits, cost, now);
        prop_assert_eq!(peek.decision, check);
    }

    #[test]
    fn retry_after_is_minimal_and_sufficient(
        limit in any_limit(),
        start in prop_oneof![0_u64..1_000_000, 0_u64..1 << 52],
        steps in prop::collection::vec((0_u64..300, prop_oneof![0_u64..10, 0_u64..1 << 35]), 1..12),
    ) {
        let limits = [limit];
        let mut entry = Entry::new();
        let mut now = start;
        for (part, step) in steps {
            now = (now + step).min(1 << 52);
            let cost = cost_of(&limit, part);
            let decision = check(&mut entry, &limits, cost.as_milli(), now);
            prop_assert_eq!(decision.retry_after().is_none(), decision.is_allowed() || cost > limit.capacity());
            if let Some(wait) = decision.retry_after() {
                let wait = u64::try_from(wait.as_millis()).unwrap();
                prop_assert!(wait > 0);
                let peek = |millis| {
                    let operation = Operation::Peek(cost);
                    entry.clone().apply(&limits, operation, at(millis)).decision.is_allowed()
                };
                if now + wait <= 1 << 52 {
                    prop_assert!(peek(now + wait), "not sufficient: {} at {}", wait, now);
                    prop_assert!(!peek(now + wait - 1), "not minimal: {} at {}", wait, now);
                }
            } else if decision.is_allowed() {
                let remaining = decision.remaining_cost();
                let peek = |cost| entry.clone().apply(&limits, Operation::Peek(cost), at(now)).decision.is_allowed();
                prop_assert!(peek(remaining));
                prop_assert!(!peek(Cost::milli(remaining.as_milli() + 1)));
            }
            let fresh = now + u64::try_from(decision.reset_after().as_millis()).unwrap();
            if fresh <= 1 << 52 {
                let usage = entry.clone().apply(&limits, Operation::Peek(Cost::ZERO), at(fresh)).decision;
                prop_assert_eq!(usage.remaining_cost(), limit.capacity());
            }
        }
    }

    #[test]
    fn spent_is_what_denies_one_request(limit in any_limit(), part in 0_u64..300, later in 0_u64..1 << 20) {
        let limits = [limit];
        let mut entry = Entry::new();
        let charge = Operation::Charge(cost_of(&limit, part));
        let applied = entry.apply(&limits, charge, at(1 << 40));
        let now = at((1 << 40) + later);
        if applied.changed && !limit.capacity().is_zero() {
            let peek = entry.clone().apply(&limits, Operation::Peek(Cost::ONE), now);
            prop_assert_eq!(entry.is_spent(now), !peek.decision.is_allowed());
        }
    }
}
