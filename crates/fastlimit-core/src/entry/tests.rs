use proptest::prelude::*;

use super::*;
use crate::{Algorithm, Rate};

fn limit(text: &str) -> Limit {
    text.parse().unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn check(entry: &mut Entry, limits: &[Limit], milli: u64, now: u64) -> Outcome {
    entry
        .apply(limits, Operation::Check(Cost::milli(milli)), at(now))
        .outcome
}

#[test]
fn counts_down_to_the_capacity_and_no_further() {
    let limits = [limit("3/minute")];
    let mut entry = Entry::new();
    for remaining in [2_000, 1_000, 0] {
        let outcome = check(&mut entry, &limits, 1_000, 61_000);
        assert_eq!(outcome.remaining().as_milli(), remaining);
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
    assert_eq!(denied.binding(), 1);
    assert!(denied.verdicts()[0].is_allowed());
    assert_eq!(denied.verdicts()[0].remaining(), Cost::requests(2));
    assert_eq!(denied.remaining(), Cost::requests(1));
}

#[test]
fn records_of_other_limits_live_until_they_expire() {
    let mut entry = Entry::new();
    let (second, hour) = ([limit("5/second")], [limit("5/hour")]);
    let _ = check(&mut entry, &hour, 1_000, 3_600_000);
    let _ = check(&mut entry, &second, 1_000, 3_600_000);
    assert_eq!(
        check(&mut entry, &hour, 1_000, 3_600_001).remaining(),
        Cost::requests(3)
    );
    assert_eq!(entry.records.len(), 2);
    // The second's record is dead and its grace is over.
    let _ = check(&mut entry, &hour, 1_000, 3_602_000);
    assert_eq!(entry.records.len(), 1);
    assert_eq!(entry.expires_at(), at(2 * 3_600_000 + 60_000));
}

#[test]
fn a_changed_number_keeps_the_count_and_a_changed_period_does_not() {
    let mut entry = Entry::new();
    let _ = check(&mut entry, &[limit("10/minute")], 8_000, 0);
    let lowered = check(&mut entry, &[limit("5/minute")], 1_000, 0);
    assert!(!lowered.is_allowed());
    assert_eq!(lowered.remaining(), Cost::ZERO);
    assert_eq!(
        check(&mut entry, &[limit("20/minute")], 0, 0).remaining(),
        Cost::requests(12)
    );
    assert_eq!(
        check(&mut entry, &[limit("5/hour")], 0, 0).remaining(),
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
    assert_eq!(applied.outcome.remaining(), Cost::requests(3));
    // Never above the capacity.
    let applied = entry.apply(&limits, refund(Cost::MAX, charged_at), at(1_900));
    assert_eq!(applied.outcome.remaining(), Cost::requests(5));
    let _ = check(&mut entry, &limits, 3_000, 2_000);
    let applied = entry.apply(&limits, refund(Cost::ONE, charged_at), at(2_000));
    assert!(!applied.changed);
    assert_eq!(applied.outcome.remaining(), Cost::requests(2));
}

#[test]
fn a_debt_saturates_and_ends_with_the_window() {
    let limits = [limit("5/second")];
    let mut entry = Entry::new();
    for _ in 0..3 {
        let charge = Operation::Charge(Cost::milli(u64::MAX));
        let outcome = entry.apply(&limits, charge, at(1_000)).outcome;
        assert!(outcome.is_allowed());
        assert_eq!(outcome.remaining(), Cost::ZERO);
    }
    assert!(!check(&mut entry, &limits, 1, 1_999).is_allowed());
    assert_eq!(
        check(&mut entry, &limits, 0, 2_000).remaining(),
        Cost::requests(5)
    );
}

#[test]
fn reset_forgets_only_the_limits_of_the_request() {
    let limits = [limit("5/second"), limit("5/hour")];
    let mut entry = Entry::new();
    let _ = check(&mut entry, &limits, 5_000, 1_000);
    let applied = entry.apply(&limits[..1], Operation::Reset, at(1_000));
    assert!(applied.changed && applied.outcome.is_allowed());
    assert_eq!(applied.outcome.remaining(), Cost::requests(5));
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

proptest! {
    #[test]
    fn bytes_round_trip(charges in prop::collection::vec((1_u64..10_000_000, any::<u64>(), 0_u64..1 << 40), 0..5)) {
        let mut entry = Entry::new();
        for (period, cost, now) in charges {
            let limits = [Limit::new(Rate::from_parts(1, period).unwrap(), Algorithm::FixedWindow)];
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
        prop_assert_eq!(peek.outcome, check);
    }
}
