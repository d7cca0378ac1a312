use std::time::Duration;

/// Returns whole seconds, rounded up.
#[inline]
pub(crate) fn rounded_up(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, expected) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(rounded_up(Duration::from_millis(millis)), expected);
        }
        assert_eq!(rounded_up(Duration::MAX), u64::MAX);
    }
}
