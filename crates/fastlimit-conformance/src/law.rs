use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::{LawResult, StoreFactory, laws};

type Running<'factory> = Pin<Box<dyn Future<Output = LawResult> + Send + 'factory>>;

/// A law of the suite: one promise that every store keeps.
#[derive(Clone, Copy)]
pub struct Law {
    name: &'static str,
    theme: &'static str,
    run: fn(&dyn StoreFactory) -> Running<'_>,
}

impl Law {
    /// Returns the name, which is that of its function in [`laws`].
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the module of [`laws`] that it stands in.
    #[must_use]
    pub const fn theme(&self) -> &'static str {
        self.theme
    }

    /// Tries the law, unless the factory [waives](StoreFactory::waived) it.
    ///
    /// # Errors
    ///
    /// The [`Violation`](crate::Violation), if the store does not keep the promise.
    pub async fn run(&self, factory: &dyn StoreFactory) -> LawResult {
        match factory.waived(self.name) {
            Some(why) => Ok(crate::Tested::NotTested { why }),
            None => (self.run)(factory).await,
        }
    }
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Law({}::{})", self.theme, self.name)
    }
}

/// Calls a macro with the list of laws: the one place where they are listed.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_law {
    ($callback:ident $given:tt) => {
        $crate::$callback! { $given
            admission::admits_up_to_the_capacity_and_no_more,
            admission::no_window_admits_more_than_its_capacity,
            admission::what_remains_is_honest,
            admission::what_remains_never_grows_inside_a_window,
            admission::a_cost_of_zero_is_allowed_and_takes_nothing,
            admission::a_limit_of_zero_denies_whatever_costs,
            admission::a_cost_above_the_capacity_never_passes,
            admission::thousandths_of_a_request_count,
            admission::a_denial_takes_nothing,
            admission::the_edges_of_the_domain_are_exact,
            retry_after::a_denied_check_passes_after_retry_after_and_not_before,
            retry_after::there_is_no_retry_after_exactly_when_waiting_never_helps,
            retry_after::the_next_of_a_cost_passes_after_next_after_and_not_before,
            retry_after::there_is_no_next_after_exactly_when_waiting_never_helps,
            retry_after::reset_after_is_true,
            time::windows_are_aligned_to_the_epoch,
            time::windows_end_to_the_millisecond,
            time::answers_tell_the_time_that_was_used,
            time::a_clock_that_steps_back_gives_no_fresh_quota,
            time::waits_count_from_the_clock_that_stepped_back,
            time::a_date_far_ahead_locks_nobody_out,
            time::years_between_requests_change_nothing,
            independence::prefixes_never_share_state,
            independence::policies_never_share_state,
            independence::tenants_never_share_state,
            independence::identifiers_never_share_state,
            independence::parts_never_run_into_each_other,
            independence::long_parts_are_told_apart,
            independence::equal_keys_share_state,
            independence::no_operation_reaches_another_subject,
            concurrency::concurrent_checks_are_exact,
            concurrency::concurrent_checks_of_several_limits_are_exact,
            concurrency::concurrent_subjects_do_not_disturb_each_other,
            concurrency::concurrent_charges_and_refunds_add_up,
            concurrency::concurrent_histories_replay_through_the_model,
            concurrency::instances_share_one_state,
            concurrency::callers_that_go_away_harm_nobody,
            operations::a_peek_answers_as_the_check_would,
            operations::a_peek_takes_nothing,
            operations::a_charge_goes_past_the_capacity,
            operations::usage_saturates,
            operations::charges_refunds_and_resets_are_always_allowed,
            operations::a_promise_to_answer_at_once_is_kept,
            giving_back::a_refund_gives_back_what_was_charged,
            giving_back::a_refund_never_gives_more_than_is_in_use,
            giving_back::a_refund_from_another_window_is_ignored,
            giving_back::a_reset_makes_a_fresh_key,
            giving_back::a_reset_forgets_only_its_own_limits,
            giving_back::a_reservation_settles_to_the_actual_cost,
            several_limits::several_limits_are_charged_all_or_none,
            several_limits::a_denied_check_shows_each_limit_as_it_stands,
            several_limits::every_limit_is_enforced,
            several_limits::the_whole_follows_from_its_limits,
            several_limits::limits_are_answered_in_the_order_of_the_request,
            several_limits::limits_asked_apart_count_apart,
            limits_changed::a_lowered_limit_has_nothing_left,
            limits_changed::a_raised_limit_keeps_the_count,
            limits_changed::a_changed_period_starts_anew,
            limits_changed::limits_that_join_or_leave_leave_the_others_alone,
            limits_changed::the_number_of_the_request_counts,
            limits_changed::algorithms_of_one_period_keep_apart,
            sliding_window::a_sliding_window_remembers_the_window_before,
            sliding_window::the_estimate_of_a_sliding_window_is_rounded_up,
            sliding_window::a_sliding_window_admits_no_more_than_it_promises,
            sliding_window::a_refund_goes_to_the_window_that_was_charged,
            token_bucket::a_bucket_holds_its_burst,
            token_bucket::a_bucket_admits_no_more_than_burst_and_refill,
            token_bucket::a_client_that_polls_does_not_starve,
            token_bucket::the_refill_of_a_bucket_drifts_nowhere,
            token_bucket::a_refund_lowers_the_level_of_a_bucket,
            token_bucket::a_level_saturates_at_what_drains_in_a_hundred_years,
            token_bucket::a_rate_of_zero_keeps_the_record_of_a_bucket,
            token_bucket::a_changed_burst_keeps_the_level,
            sliding_log::a_log_counts_each_charge_for_a_period,
            sliding_log::a_denial_of_a_log_waits_until_enough_has_left,
            sliding_log::no_interval_of_a_period_admits_more_than_a_log_allows,
            sliding_log::a_refund_of_a_log_goes_to_its_millisecond,
            sliding_log::a_log_of_many_small_costs_keeps_its_size,
            sliding_log::a_full_log_lets_its_oldest_leave_together_and_late,
            sliding_log::a_full_log_answers_as_the_model_does,
            storage::what_changes_nothing_creates_no_key,
            storage::what_changes_nothing_leaves_the_state_byte_for_byte,
            storage::a_reset_leaves_no_key,
            storage::foreign_data_is_an_error_and_left_as_it_is,
            expiry::dead_state_is_dropped,
            expiry::state_has_a_lifetime,
            expiry::live_state_is_kept,
            expiry::dead_state_is_kept_for_the_grace,
            history::random_histories_of_a_fixed_window,
            history::random_histories_of_a_sliding_window,
            history::random_histories_of_a_token_bucket,
            history::random_histories_of_a_sliding_log,
            history::random_histories_of_several_limits,
            history::random_histories_at_the_edges_of_the_domain,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __law_table {
    ([] $($theme:ident :: $law:ident,)*) => {
        &[$(Law {
            name: stringify!($law),
            theme: stringify!($theme),
            run: |factory| Box::pin(laws::$theme::$law(factory)),
        }),*]
    };
}

/// Every law of the suite, by theme.
///
/// ```
/// use fastlimit_conformance::LAWS;
///
/// let themes: Vec<_> = LAWS.iter().map(|law| law.theme()).collect();
/// assert!(themes.contains(&"concurrency"));
/// ```
pub const LAWS: &[Law] = __each_law!(__law_table []);

/// Returns the number of laws.
#[must_use]
pub const fn law_count() -> usize {
    LAWS.len()
}
