use super::*;

fn limits(text: &str) -> Vec<Limit> {
    let policy: fastlimit_core::Policy = text.parse().unwrap();
    policy.limits().to_vec()
}

fn apply(model: &mut Model, limits: &[Limit], operation: Operation, now: u64) -> Answer {
    let now = Timestamp::from_millis(now);
    model.apply(limits, operation, now).unwrap()
}

fn check(milli: u64) -> Operation {
    Operation::Check(Cost::milli(milli))
}

/// Allowed or not, what remains, the wait.
fn brief(answer: &Answer) -> (bool, u128, Option<u128>) {
    (
        answer.is_allowed(),
        answer.remaining(),
        answer.retry_after(),
    )
}

#[test]
fn a_window_is_used_up_and_ends() {
    let (limits, mut model) = (limits("3/minute"), Model::new());
    for (now, cost, expected) in [
        (61_000, 2_000, (true, 1_000, None)),
        (61_000, 1_001, (false, 1_000, Some(59_000))),
        (119_999, 1_000, (true, 0, None)),
        (119_999, 1, (false, 0, Some(1))),
        (119_999, 0, (true, 0, None)),
        (119_999, 3_001, (false, 0, None)),
        (120_000, 3_000, (true, 0, None)),
    ] {
        let answer = apply(&mut model, &limits, check(cost), now);
        assert_eq!(brief(&answer), expected, "{cost} at {now}");
    }
}

#[test]
fn a_clock_that_steps_back_stays_in_the_later_window() {
    let (limits, mut model) = (limits("1/second"), Model::new());
    let _ = apply(&mut model, &limits, check(1_000), 5_000);
    let answer = apply(&mut model, &limits, check(1_000), 4_500);
    assert_eq!(brief(&answer), (false, 0, Some(1_500)));
    assert_eq!((answer.now, answer.charged_at), (4_500, 5_000));
    let _ = apply(&mut model, &limits, Operation::Reset, 4_500);
    assert!(apply(&mut model, &limits, check(1_000), 4_500).is_allowed());
}

#[test]
fn a_record_is_absent_past_a_period_and_a_minute_ahead() {
    let (limits, mut model) = (limits("1/second"), Model::new());
    let _ = apply(&mut model, &limits, check(1_000), 200_000);
    for (now, allowed) in [(139_000, false), (138_999, true)] {
        let answer = apply(&mut model.clone(), &limits, check(1_000), now);
        assert_eq!(answer.is_allowed(), allowed, "{now}");
    }
}

#[test]
fn limits_hold_together() {
    let (both, mut model) = (limits("4/second; 5/minute"), Model::new());
    let answer = apply(&mut model, &both, check(3_000), 60_000);
    assert_eq!((brief(&answer), answer.binding()), ((true, 1_000, None), 0));
    let answer = apply(&mut model, &both, check(3_000), 61_500);
    assert_eq!(brief(&answer), (false, 2_000, Some(58_500)));
    assert_eq!(answer.binding(), 1);
    assert_eq!(answer.limits[0].remaining, 4_000);
    let answer = apply(&mut model, &both, check(4_500), 61_500);
    assert_eq!((answer.retry_after(), answer.binding()), (None, 0));
}

#[test]
fn of_limits_with_equally_little_left_the_longest_wait_of_the_next_binds() {
    for (text, binding) in [
        ("1/second; 1/day", 1),
        ("1/day; 1/second", 0),
        ("1/second; 1/minute; 2/day", 1),
        ("1/second; 1/second sliding-log", 0),
    ] {
        let (limits, mut model) = (limits(text), Model::new());
        let answer = apply(&mut model, &limits, check(1_000), 60_000);
        assert_eq!(
            (answer.is_allowed(), answer.binding()),
            (true, binding),
            "{text}"
        );
    }
}

#[test]
fn refunds_go_to_their_window_and_charges_saturate() {
    let (limits, mut model) = (limits("5/second"), Model::new());
    let refund = |milli, charged_at| Operation::Refund {
        cost: Cost::milli(milli),
        charged_at: Timestamp::from_millis(charged_at),
    };
    for (operation, remaining) in [
        (Operation::Charge(Cost::MAX), 0),
        (Operation::Charge(Cost::MAX), 0),
        (refund((1 << 41) - 4_000, 1_999), 1_000),
        (refund(1_000, 2_000), 1_000),
        (refund(1_000, 1_000), 2_000),
        (refund(u64::MAX, 1_500), 5_000),
        (check(5_000), 0),
    ] {
        let answer = apply(&mut model, &limits, operation, 1_200);
        assert_eq!(answer.remaining(), remaining, "{operation:?}");
    }
}

#[test]
fn what_differs_is_named() {
    let limits = limits("5/second");
    let answer = apply(&mut Model::new(), &limits, check(1_000), 1_200);
    let mut entry = fastlimit_core::store::Entry::new();
    let mut decision = |milli, now| {
        let now = Timestamp::from_millis(now);
        entry.apply(&limits, check(milli), now).decision
    };
    assert_eq!(answer.difference(&decision(1_000, 1_200)), None);
    let difference = answer.difference(&decision(1_000, 1_200)).unwrap();
    assert_eq!(difference.field, "limit 0");
    let difference = answer.difference(&decision(0, 1_201)).unwrap();
    assert_eq!(difference.to_string(), "now: expected 1200, found 1201");
}

#[test]
fn a_sliding_window_forgets_bit_by_bit() {
    let (limits, mut model) = (limits("10/minute sliding-window"), Model::new());
    for (now, cost, expected) in [
        (60_000, 10_000, (true, 0, None)),
        (119_999, 1, (false, 0, Some(1 + 6))),
        // A third of the window before still counts.
        (160_000, 6_667, (false, 6_666, Some(2))),
        (160_000, 6_666, (true, 0, None)),
        (160_000, 10_000, (false, 0, Some(80_000))),
        (160_000, 10_001, (false, 0, None)),
        (240_000, 10_000, (true, 0, None)),
    ] {
        let answer = apply(&mut model, &limits, check(cost), now);
        assert_eq!(brief(&answer), expected, "{cost} at {now}");
    }
}

#[test]
fn a_sliding_window_takes_refunds_from_where_they_were_charged() {
    let (limits, mut model) = (limits("10/second sliding-window"), Model::new());
    let refund = |milli, charged_at| Operation::Refund {
        cost: Cost::milli(milli),
        charged_at: Timestamp::from_millis(charged_at),
    };
    let _ = apply(&mut model, &limits, check(4_000), 1_500);
    for (operation, remaining) in [
        (check(3_000), 5_000),
        (refund(1_000, 999), 5_000),
        (refund(2_000, 1_999), 6_000),
        (refund(9_000, 2_000), 9_000),
        (refund(9_000, 3_000), 9_000),
    ] {
        let answer = apply(&mut model, &limits, operation, 2_500);
        assert_eq!(answer.remaining(), remaining, "{operation:?}");
    }
    let answer = apply(&mut model, &limits, refund(0, 0), 2_400);
    assert_eq!(answer.reset_after(), 600);
}

#[test]
fn a_bucket_drains_exactly() {
    // One thousandth in 31,622,400 ms.
    let (limits, mut model) = (limits("1/366d burst 99 token-bucket"), Model::new());
    let drained = 31_622_400;
    for (now, cost, expected) in [
        (0, 99_000, (true, 0, None)),
        (drained - 1, 1, (false, 0, Some(1))),
        (drained, 1, (true, 0, None)),
        (drained, 99_000, (false, 0, Some(99_000 * drained))),
        (drained, 99_001, (false, 0, None)),
    ] {
        let answer = apply(
            &mut model,
            &limits,
            check(cost),
            u64::try_from(now).unwrap(),
        );
        assert_eq!(brief(&answer), expected, "{cost} at {now}");
    }
    // 36,525 days drain 99,795 whole thousandths.
    let answer = apply(&mut model, &limits, Operation::Charge(Cost::MAX), 0);
    assert_eq!(answer.reset_after(), drained + 99_795 * drained);
}

#[test]
fn a_bucket_without_a_rate_has_no_time_and_keeps_its_record() {
    let (fast, none) = (
        limits("2/second token-bucket"),
        limits("0/second burst 5 token-bucket"),
    );
    let mut model = Model::new();
    let _ = apply(&mut model, &fast, check(2_000), 5_000);
    for operation in [
        check(1),
        Operation::Charge(Cost::MAX),
        Operation::Refund {
            cost: Cost::MAX,
            charged_at: Timestamp::from_millis(5_000),
        },
    ] {
        let answer = apply(&mut model, &none, operation, 4_900);
        assert_eq!((answer.remaining(), answer.reset_after()), (0, 0));
        assert_eq!((answer.retry_after(), answer.charged_at), (None, 4_900));
    }
    let answer = apply(&mut model, &fast, check(1_000), 4_900);
    assert_eq!(brief(&answer), (false, 0, Some(600)));
    assert_eq!(answer.charged_at, 5_000);
}

#[test]
fn a_log_forgets_each_charge_after_a_period() {
    let (limits, mut model) = (limits("10/second sliding-log"), Model::new());
    for (now, cost, expected) in [
        (1_990, 4_000, (true, 6_000, None)),
        (1_990, 1_000, (true, 5_000, None)),
        (2_000, 5_000, (true, 0, None)),
        (2_500, 1, (false, 0, Some(490))),
        (2_500, 5_000, (false, 0, Some(490))),
        (2_500, 5_001, (false, 0, Some(500))),
        (2_500, 10_001, (false, 0, None)),
        (2_989, 1, (false, 0, Some(1))),
        (2_990, 5_001, (false, 5_000, Some(10))),
        (2_990, 5_000, (true, 0, None)),
        (3_000, 5_000, (true, 0, None)),
    ] {
        let answer = apply(&mut model, &limits, check(cost), now);
        assert_eq!(brief(&answer), expected, "{cost} at {now}");
    }
    let answer = apply(&mut model, &limits, check(0), 3_100);
    assert_eq!(answer.reset_after(), 900);
    let answer = apply(&mut model, &limits, check(0), 4_000);
    assert_eq!((answer.remaining(), answer.reset_after()), (10_000, 0));
}

#[test]
fn a_log_takes_refunds_from_the_entry_of_their_time() {
    let (limits, mut model) = (limits("10/second sliding-log"), Model::new());
    let refund = |milli, charged_at| Operation::Refund {
        cost: Cost::milli(milli),
        charged_at: Timestamp::from_millis(charged_at),
    };
    let _ = apply(&mut model, &limits, check(4_000), 1_500);
    for (operation, remaining, reset_after) in [
        (check(3_000), 3_000, 1_000),
        (refund(1_000, 1_501), 3_000, 1_000),
        (refund(1_000, 1_500), 4_000, 1_000),
        (refund(u64::MAX, 2_000), 7_000, 500),
        (refund(1, 2_000), 7_000, 500),
        (refund(3_000, 1_500), 10_000, 0),
    ] {
        let answer = apply(&mut model, &limits, operation, 2_000);
        assert_eq!(answer.remaining(), remaining, "{operation:?}");
        assert_eq!(answer.reset_after(), reset_after, "{operation:?}");
    }
    // The last refund dated the log, and its time does not run backwards.
    let answer = apply(&mut model, &limits, check(1_000), 1_900);
    assert_eq!((answer.charged_at, answer.reset_after()), (2_000, 1_100));
}

#[test]
fn a_full_log_counts_its_oldest_entries_as_one_at_the_later_time() {
    let (limits, mut model) = (limits("2/minute sliding-log"), Model::new());
    for now in 1..=1_002 {
        assert!(apply(&mut model, &limits, check(1), now).is_allowed());
    }
    for (now, remaining) in [(60_002, 998), (60_003, 1_001), (60_004, 1_002)] {
        let answer = apply(&mut model, &limits, check(0), now);
        assert_eq!(answer.remaining(), remaining, "{now}");
    }
    let answer = apply(&mut model, &limits, check(1_000), 60_002);
    assert_eq!(answer.retry_after(), Some(1));
}

#[test]
fn a_log_saturates_and_counts_under_a_limit_of_zero() {
    let (none, some) = (
        limits("0/second sliding-log"),
        limits("5/second sliding-log"),
    );
    let mut model = Model::new();
    let _ = apply(&mut model, &none, Operation::Charge(Cost::ONE), 1_000);
    let answer = apply(&mut model, &none, check(1), 1_000);
    assert_eq!(brief(&answer), (false, 0, None));
    let answer = apply(&mut model, &some, check(5_000), 1_001);
    assert_eq!(brief(&answer), (false, 4_000, Some(999)));
    let _ = apply(&mut model, &none, Operation::Charge(Cost::MAX), 1_001);
    let refund = Operation::Refund {
        cost: Cost::milli((1 << 41) - 1_001),
        charged_at: Timestamp::from_millis(1_001),
    };
    let answer = apply(&mut model, &some, refund, 1_001);
    assert_eq!(answer.remaining(), 3_999);
}

#[test]
fn algorithms_of_one_period_keep_apart() {
    let all =
        limits("2/second; 3/second sliding-window; 4/second token-bucket; 5/second sliding-log");
    let mut model = Model::new();
    let answer = apply(&mut model, &all, check(2_000), 1_500);
    let left: Vec<_> = answer.limits.iter().map(|limit| limit.remaining).collect();
    assert_eq!(left, [0, 1_000, 2_000, 3_000]);
    assert_eq!(model.records.len(), 4);
}
