use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pause after the first failure; each one more doubles it.
const SHORTEST: Duration = Duration::from_millis(20);

/// The longest pause: so much later than the server, at most, the store is back.
const LONGEST: Duration = Duration::from_millis(500);

/// The pause before the next attempt to connect, after so many failures in a row. It is between
/// one half and the whole of what doubling gives, by chance, so that a fleet whose server comes back
/// does not come back as one.
pub(crate) fn pause(failures: u32) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let whole = SHORTEST.saturating_mul(doubled).min(LONGEST);
    let half = whole.checked_div(2).unwrap_or_default();
    half.saturating_add(by_chance(half))
}

/// A part of a time, by chance.
fn by_chance(whole: Duration) -> Duration {
    let micros = u64::try_from(whole.as_micros()).unwrap_or(u64::MAX);
    // The standard library's source of chance: each of these states is another.
    let chance = RandomState::new().hash_one(());
    Duration::from_micros(chance.checked_rem(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        assert_eq!(pause(0), Duration::ZERO);
        for (failures, whole) in [(1, 20), (2, 40), (3, 80), (5, 320), (6, 500), (99, 500)] {
            let whole = Duration::from_millis(whole);
            for _ in 0..100 {
                let pause = pause(failures);
                assert!(
                    (whole / 2..=whole).contains(&pause),
                    "{pause:?} of {whole:?}"
                );
            }
        }
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::HashSet<_> = (0..100).map(|_| pause(9)).collect();
        assert!(pauses.len() > 50, "{}", pauses.len());
    }
}
