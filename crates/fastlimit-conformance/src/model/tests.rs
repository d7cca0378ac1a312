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
    let mut entry = fastlimit_core::Entry::new();
    let mut outcome = |milli, now| {
        let now = Timestamp::from_millis(now);
        entry.apply(&limits, check(milli), now).outcome
    };
    assert_eq!(answer.difference(&outcome(1_000, 1_200)), None);
    let difference = answer.difference(&outcome(1_000, 1_200)).unwrap();
    assert_eq!(difference.field, "the verdict of limit 0");
    let difference = answer.difference(&outcome(0, 1_201)).unwrap();
    assert_eq!(difference.to_string(), "now: expected 1200, found 1201");
}
