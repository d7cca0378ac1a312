use std::time::Duration;

/// The most that a wait is made longer by.
const LONGEST_JITTER: Duration = Duration::from_secs(1);

/// A random time by which a wait is made longer, never shorter: up to a tenth of it, and a
/// millisecond at least to choose from.
pub(super) fn jitter(wait: Duration) -> Duration {
    let tenth = wait.checked_div(10).unwrap_or_default();
    let most = tenth.clamp(Duration::from_millis(1), LONGEST_JITTER);
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(fastrand::u64(..=micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_upward_and_bounded() {
        for wait in [0, 1, 10, 1_000, 86_400_000].map(Duration::from_millis) {
            let drawn: Vec<_> = (0..100).map(|_| jitter(wait)).collect();
            let tenth = wait.checked_div(10).unwrap_or_default();
            let most = tenth.clamp(Duration::from_millis(1), LONGEST_JITTER);
            assert!(drawn.iter().all(|jitter| *jitter <= most));
            assert!(drawn.iter().any(|jitter| *jitter != drawn[0]));
        }
    }
}
