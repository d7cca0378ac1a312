use fastlimit_core::Limit;

/// Returns the whole seconds, rounded up and at least 1, in which the quota of a limit is given
/// out: its period, or the time in which an empty token bucket fills.
pub(super) fn seconds(limit: &Limit) -> u64 {
    let rate = limit.rate();
    let period = u128::from(rate.period_millis());
    let millis = match limit.burst() {
        Some(burst) if rate.requests() > 0 => period
            .saturating_mul(u128::from(burst))
            .div_ceil(u128::from(rate.requests())),
        // A bucket that never fills is empty for ever.
        _ => period,
    };
    u64::try_from(millis.div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_period_or_the_time_to_fill() {
        for (limit, expected) in [
            ("100/minute", 60),
            ("5/ms", 1),
            ("5/1500ms", 2),
            ("100/minute burst 20 token-bucket", 12),
            ("3/second burst 10 token-bucket", 4),
            ("1000/second burst 1 token-bucket", 1),
            ("1/day burst 36525 token-bucket", 36_525 * 86_400),
            ("0/minute burst 20 token-bucket", 60),
        ] {
            assert_eq!(seconds(&limit.parse().unwrap()), expected, "{limit}");
        }
    }
}
