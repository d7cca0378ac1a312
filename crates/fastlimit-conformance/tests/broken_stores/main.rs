//! Stores that are broken in one way each, and the laws that catch them.

#![allow(
    clippy::panic,
    clippy::unimplemented,
    clippy::unwrap_used,
    reason = "a panic in a test is a failed test"
)]

mod log;
mod mutant;

use std::collections::BTreeSet;

use fastlimit_conformance::{LAWS, Law, Tested, run_all};
use fastlimit_core::Algorithm;
use mutant::{Mutants, Mutation as M};

/// Each way to be broken, and the laws that must catch it; others may as well.
const CAUGHT: &[(M, &[&str])] = &[
    (
        M::AdmitsOneLess,
        &[
            "admits_up_to_the_capacity_and_no_more",
            "what_remains_is_honest",
        ],
    ),
    (
        M::AdmitsOneMore,
        &[
            "admits_up_to_the_capacity_and_no_more",
            "no_window_admits_more_than_its_capacity",
            "what_remains_is_honest",
        ],
    ),
    (M::RoundsCostsUp, &["thousandths_of_a_request_count"]),
    (M::ClampsCosts, &["a_cost_above_the_capacity_never_passes"]),
    (
        M::ZeroMeansUnlimited,
        &["a_limit_of_zero_denies_whatever_costs"],
    ),
    (
        M::DeniesZeroCosts,
        &["a_cost_of_zero_is_allowed_and_takes_nothing"],
    ),
    (
        M::CountsIn32Bits,
        &[
            "the_edges_of_the_domain_are_exact",
            "random_histories_at_the_edges_of_the_domain",
        ],
    ),
    (M::ChargesDenials, &["a_denial_takes_nothing"]),
    (
        M::DenialsForgive,
        &["what_remains_never_grows_inside_a_window"],
    ),
    (
        M::DatesDenials,
        &["what_changes_nothing_leaves_the_state_byte_for_byte"],
    ),
    (M::RoundsRemaining, &["what_remains_is_honest"]),
    (
        M::RetryTooEarly,
        &[
            "a_denied_check_passes_after_retry_after_and_not_before",
            "random_histories_of_a_fixed_window",
            "random_histories_of_a_sliding_window",
            "random_histories_of_a_token_bucket",
        ],
    ),
    (
        M::RetryTooLate,
        &["a_denied_check_passes_after_retry_after_and_not_before"],
    ),
    (
        M::NeverSaysNever,
        &["there_is_no_retry_after_exactly_when_waiting_never_helps"],
    ),
    (
        M::NextAtOnce,
        &[
            "the_next_of_a_cost_passes_after_next_after_and_not_before",
            "random_histories_of_a_fixed_window",
        ],
    ),
    (
        M::NextTooEarly,
        &[
            "the_next_of_a_cost_passes_after_next_after_and_not_before",
            "random_histories_of_a_token_bucket",
        ],
    ),
    (
        M::NextTooLate,
        &["the_next_of_a_cost_passes_after_next_after_and_not_before"],
    ),
    (
        M::NextAtReset,
        &[
            "the_next_of_a_cost_passes_after_next_after_and_not_before",
            "random_histories_of_a_sliding_window",
        ],
    ),
    (
        M::NextNeverSaysNever,
        &["there_is_no_next_after_exactly_when_waiting_never_helps"],
    ),
    (
        M::ResetTooEarly,
        &["reset_after_is_true", "windows_are_aligned_to_the_epoch"],
    ),
    (
        M::NeverResets,
        &[
            "windows_end_to_the_millisecond",
            "years_between_requests_change_nothing",
        ],
    ),
    (
        M::WindowsFromFirstHit,
        &["windows_are_aligned_to_the_epoch"],
    ),
    (M::WindowsEndEarly, &["windows_end_to_the_millisecond"]),
    (
        M::ReportsAnOldTime,
        &["answers_tell_the_time_that_was_used"],
    ),
    (
        M::FreshWhenClockStepsBack,
        &[
            "a_clock_that_steps_back_gives_no_fresh_quota",
            "random_histories_of_several_limits",
        ],
    ),
    (
        M::WaitsFromOwnTime,
        &["waits_count_from_the_clock_that_stepped_back"],
    ),
    (M::LockedOutByFuture, &["a_date_far_ahead_locks_nobody_out"]),
    (M::ForgetsLongNames, &["long_parts_are_told_apart"]),
    (
        M::LowercasesKeys,
        &["identifiers_never_share_state", "tenants_never_share_state"],
    ),
    (M::IgnoresPrefix, &["prefixes_never_share_state"]),
    (M::IgnoresPolicy, &["policies_never_share_state"]),
    (M::IgnoresTenant, &["tenants_never_share_state"]),
    (M::GluesKeys, &["parts_never_run_into_each_other"]),
    (
        M::InstancesApart,
        &["instances_share_one_state", "equal_keys_share_state"],
    ),
    (
        M::ReadsThenWrites,
        &[
            "concurrent_checks_are_exact",
            "concurrent_checks_of_several_limits_are_exact",
            "concurrent_subjects_do_not_disturb_each_other",
            "concurrent_charges_and_refunds_add_up",
            "concurrent_histories_replay_through_the_model",
        ],
    ),
    (M::SwapsReplies, &["callers_that_go_away_harm_nobody"]),
    (M::PeekTakes, &["a_peek_takes_nothing"]),
    (M::PeekLooksAtFirst, &["a_peek_answers_as_the_check_would"]),
    (M::PeekCreates, &["what_changes_nothing_creates_no_key"]),
    (
        M::ChargeStopsAtCapacity,
        &["a_charge_goes_past_the_capacity"],
    ),
    (
        M::ChargeIsDenied,
        &["charges_refunds_and_resets_are_always_allowed"],
    ),
    (
        M::WaitsDespiteItsPromise,
        &["a_promise_to_answer_at_once_is_kept"],
    ),
    (M::DebtCarriesOver, &["a_charge_goes_past_the_capacity"]),
    (M::ChargeDoesNotSaturate, &["usage_saturates"]),
    (
        M::RefundIsLost,
        &[
            "a_refund_gives_back_what_was_charged",
            "a_reservation_settles_to_the_actual_cost",
        ],
    ),
    (
        M::RefundAboveCapacity,
        &["a_refund_never_gives_more_than_is_in_use"],
    ),
    (
        M::RefundFromAnyWindow,
        &["a_refund_from_another_window_is_ignored"],
    ),
    (M::ResetForgetsNothing, &["a_reset_makes_a_fresh_key"]),
    (
        M::ResetForgetsAllLimits,
        &["a_reset_forgets_only_its_own_limits"],
    ),
    (
        M::ResetForgetsEverybody,
        &["no_operation_reaches_another_subject"],
    ),
    (M::ResetLeavesKey, &["a_reset_leaves_no_key"]),
    (
        M::ChargesSomeLimits,
        &["several_limits_are_charged_all_or_none"],
    ),
    (
        M::ShowsDeniedAsCharged,
        &["a_denied_check_shows_each_limit_as_it_stands"],
    ),
    (
        M::FirstLimitOnly,
        &[
            "every_limit_is_enforced",
            "the_whole_follows_from_its_limits",
        ],
    ),
    (
        M::ReversesLimits,
        &["limits_are_answered_in_the_order_of_the_request"],
    ),
    (
        M::NamesTheFirstLimit,
        &["limits_are_answered_in_the_order_of_the_request"],
    ),
    (
        M::ForgetsOtherLimits,
        &[
            "limits_asked_apart_count_apart",
            "limits_that_join_or_leave_leave_the_others_alone",
        ],
    ),
    (M::IgnoresPeriod, &["a_changed_period_starts_anew"]),
    (M::TagsByNumber, &["a_raised_limit_keeps_the_count"]),
    (M::KeepsOldNumber, &["the_number_of_the_request_counts"]),
    (M::LoweredUnderflows, &["a_lowered_limit_has_nothing_left"]),
    (M::NeverDrops, &["dead_state_is_dropped"]),
    (M::DropsWithoutGrace, &["dead_state_is_kept_for_the_grace"]),
    (M::DropsLive, &["live_state_is_kept"]),
    (M::LivesForEver, &["state_has_a_lifetime"]),
    (M::DiesTooSoon, &["state_has_a_lifetime"]),
    (
        M::EstimateRoundsDown,
        &[
            "the_estimate_of_a_sliding_window_is_rounded_up",
            "a_sliding_window_admits_no_more_than_it_promises",
            "random_histories_of_a_sliding_window",
        ],
    ),
    (
        M::ForgetsTheWindowBefore,
        &[
            "a_sliding_window_remembers_the_window_before",
            "a_sliding_window_admits_no_more_than_it_promises",
        ],
    ),
    (
        M::RefundsThePresentWindow,
        &["a_refund_goes_to_the_window_that_was_charged"],
    ),
    (
        M::RefundsNoOldWindow,
        &["a_refund_goes_to_the_window_that_was_charged"],
    ),
    (
        M::RefillDropsFractions,
        &[
            "a_client_that_polls_does_not_starve",
            "the_refill_of_a_bucket_drifts_nowhere",
            "random_histories_of_a_token_bucket",
        ],
    ),
    (
        M::RefillAddsFractions,
        &[
            "a_bucket_admits_no_more_than_burst_and_refill",
            "the_refill_of_a_bucket_drifts_nowhere",
        ],
    ),
    (
        M::PollingLosesFractions,
        &[
            "a_client_that_polls_does_not_starve",
            "the_refill_of_a_bucket_drifts_nowhere",
        ],
    ),
    (
        M::MultipliesInDoubles,
        &["random_histories_at_the_edges_of_the_domain"],
    ),
    (M::IgnoresBurst, &["a_bucket_holds_its_burst"]),
    (M::FreshBurstOnChange, &["a_changed_burst_keeps_the_level"]),
    (
        M::BucketRefundsByWindow,
        &["a_refund_lowers_the_level_of_a_bucket"],
    ),
    (
        M::DrainsForEver,
        &["a_level_saturates_at_what_drains_in_a_hundred_years"],
    ),
    (
        M::LoweredDrainsForEver,
        &["a_level_saturates_at_what_drains_in_a_hundred_years"],
    ),
    (
        M::ZeroEmptiesBuckets,
        &["a_rate_of_zero_keeps_the_record_of_a_bucket"],
    ),
    (
        M::LogLeavesEarly,
        &[
            "a_log_counts_each_charge_for_a_period",
            "no_interval_of_a_period_admits_more_than_a_log_allows",
            "random_histories_of_a_sliding_log",
        ],
    ),
    (
        M::LogLeavesLate,
        &[
            "a_log_counts_each_charge_for_a_period",
            "no_interval_of_a_period_admits_more_than_a_log_allows",
            "random_histories_of_a_sliding_log",
        ],
    ),
    (
        M::LogDatesByTheClock,
        &[
            "no_interval_of_a_period_admits_more_than_a_log_allows",
            "random_histories_of_a_sliding_log",
        ],
    ),
    (
        M::LogWaitsForTheOldest,
        &[
            "a_denial_of_a_log_waits_until_enough_has_left",
            "random_histories_of_a_sliding_log",
        ],
    ),
    (
        M::LogWaitsForTheNewest,
        &[
            "a_denial_of_a_log_waits_until_enough_has_left",
            "random_histories_of_a_sliding_log",
        ],
    ),
    (
        M::LogRefundsTheNewest,
        &["a_refund_of_a_log_goes_to_its_millisecond"],
    ),
    (
        M::LogRefundSpills,
        &["a_refund_of_a_log_goes_to_its_millisecond"],
    ),
    (
        M::LogKeepsEmptyEntries,
        &["a_refund_of_a_log_goes_to_its_millisecond"],
    ),
    (
        M::LogGrows,
        &[
            "a_log_of_many_small_costs_keeps_its_size",
            "a_full_log_answers_as_the_model_does",
        ],
    ),
    (
        M::LogForgetsTheOldest,
        &[
            "a_full_log_lets_its_oldest_leave_together_and_late",
            "a_full_log_answers_as_the_model_does",
        ],
    ),
    (
        M::LogMergesToTheEarlier,
        &[
            "a_full_log_lets_its_oldest_leave_together_and_late",
            "a_full_log_answers_as_the_model_does",
        ],
    ),
    (
        M::LogMergesTheNewest,
        &["a_full_log_answers_as_the_model_does"],
    ),
    (
        M::TakesPartOfACheck,
        &[
            "a_denial_takes_nothing",
            "random_histories_of_several_limits",
        ],
    ),
    (
        M::IgnoresAlgorithm,
        &["algorithms_of_one_period_keep_apart"],
    ),
];

/// Ways to be broken for one algorithm alone: each law catches them for every algorithm.
fn caught_for(algorithm: Algorithm) -> [(M, &'static str); 12] {
    [
        (
            M::RetryTooEarlyOf(algorithm),
            "a_denied_check_passes_after_retry_after_and_not_before",
        ),
        (
            M::NextTooEarlyOf(algorithm),
            "the_next_of_a_cost_passes_after_next_after_and_not_before",
        ),
        (M::ResetTooEarlyOf(algorithm), "reset_after_is_true"),
        (
            M::LockedOutByFutureOf(algorithm),
            "a_date_far_ahead_locks_nobody_out",
        ),
        (
            M::RefundAboveCapacityOf(algorithm),
            "a_refund_never_gives_more_than_is_in_use",
        ),
        (
            M::FreshWhenClockStepsBackOf(algorithm),
            "a_clock_that_steps_back_gives_no_fresh_quota",
        ),
        (
            M::WaitsFromOwnTimeOf(algorithm),
            "waits_count_from_the_clock_that_stepped_back",
        ),
        (M::ChargesDenialsOf(algorithm), "a_denial_takes_nothing"),
        (
            M::AdmitsOneMoreOf(algorithm),
            "admits_up_to_the_capacity_and_no_more",
        ),
        (
            M::DropsWithoutGraceOf(algorithm),
            "dead_state_is_kept_for_the_grace",
        ),
        (
            M::WaitsWithDenialsOf(algorithm),
            "a_promise_to_answer_at_once_is_kept",
        ),
        (
            M::NeverSaysNeverOf(algorithm),
            "there_is_no_retry_after_exactly_when_waiting_never_helps",
        ),
    ]
}

fn law(name: &str) -> &'static Law {
    let found = LAWS.iter().find(|law| law.name() == name);
    found.unwrap_or_else(|| panic!("there is no law `{name}`"))
}

fn mutants(broken: M, law: &str) -> Mutants {
    Mutants {
        broken,
        mortal: law == "state_has_a_lifetime",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_twin_of_the_broken_stores_is_conformant() {
    for mortal in [false, true] {
        let twin = Mutants {
            broken: M::None,
            mortal,
        };
        let report = run_all(&twin).await;
        assert!(report.is_conformant(), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_broken_store_is_caught_by_a_law_with_a_name() {
    let mut slipped = Vec::new();
    for &(broken, laws) in CAUGHT {
        for &name in laws {
            match law(name).run(&mutants(broken, name)).await {
                Err(violation) => assert_eq!(violation.law(), name, "{broken:?}: {violation}"),
                Ok(tested) => slipped.push(format!("{broken:?} past {name}: {tested}")),
            }
        }
    }
    assert!(slipped.is_empty(), "{slipped:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_broken_for_one_algorithm_is_caught() {
    let mut slipped = Vec::new();
    for &algorithm in Algorithm::ALL {
        for (broken, name) in caught_for(algorithm) {
            if let Ok(tested) = law(name).run(&mutants(broken, name)).await {
                slipped.push(format!("{broken:?} past {name}: {tested}"));
            }
        }
    }
    assert!(slipped.is_empty(), "{slipped:#?}");
}

/// Laws that no store of this file violates: the one of foreign bytes has a store of its own,
/// in `hash_map.rs`.
#[test]
fn every_law_catches_a_broken_store() {
    let caught: BTreeSet<_> = CAUGHT.iter().flat_map(|(_, laws)| *laws).collect();
    let toothless: Vec<_> = LAWS
        .iter()
        .map(Law::name)
        .filter(|name| !caught.contains(name))
        .collect();
    assert_eq!(toothless, ["foreign_data_is_an_error_and_left_as_it_is"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_violation_says_what_was_expected_and_found() {
    let violation = law("a_denial_takes_nothing")
        .run(&mutants(M::ChargesDenials, ""))
        .await
        .unwrap_err();
    let text = violation.to_string();
    assert!(text.starts_with("the law `a_denial_takes_nothing` is violated: "));
    assert!(text.contains("2000 milli to remain"), "{text}");

    let violation = law("random_histories_of_a_fixed_window")
        .run(&mutants(M::RefundIsLost, ""))
        .await
        .unwrap_err();
    let text = violation.to_string();
    assert!(text.contains("FASTLIMIT_CONFORMANCE_SEED="), "{text}");
    // Shrunk to a charge and its refund, or little more.
    assert!(text.contains(": refund "), "{text}");
    assert!(!text.contains("\n  6. at "), "{text}");
}

#[tokio::test]
async fn what_cannot_be_tried_says_so() {
    let tested = law("state_has_a_lifetime")
        .run(&mutants(M::None, ""))
        .await
        .unwrap();
    assert!(matches!(tested, Tested::NotTested { .. }), "{tested}");
}
