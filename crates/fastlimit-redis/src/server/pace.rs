use std::time::{Duration, Instant};

use crate::batch::MOST_ITEMS;

/// What slow answers alone make of batches at least: the way to the server may be long and not narrow.
const FEW: usize = 16;

/// How many items a lane sends at once: as many as it answers within half of the time that requests
/// have.
///
/// Where the way to the server is narrow, a large batch takes long, and all of its items together come
/// too late. So batches shrink by half when an answer is slow or does not come, and grow by an eighth
/// when it is not.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    /// The time from which on an answer is slow.
    slow: Duration,
    /// What the last answer took, and when it came.
    last: Option<(Duration, Instant)>,
    timeout: Duration,
}

impl Pace {
    /// The pace of requests that have so much time.
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            most: MOST_ITEMS,
            slow: timeout.checked_div(2).unwrap_or_default(),
            last: None,
            timeout,
        }
    }

    /// The most items of the next batch.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// What the next answer may take: as long as the last, if that was lately.
    pub(super) fn expected(&self) -> Duration {
        match self.last {
            Some((took, at)) if at.elapsed() < self.timeout => took,
            _ => Duration::ZERO,
        }
    }

    /// Learns from a batch of so many items that was answered after `took`.
    pub(super) fn answered(&mut self, items: usize, took: Duration) {
        self.last = Some((took, Instant::now()));
        if took > self.timeout {
            // As good as none.
            self.unanswered();
        } else if took > self.slow {
            self.most = self.most.min((self.most / 2).max(FEW));
        } else if items >= self.most {
            let more = (self.most / 8).max(1);
            self.most = self.most.saturating_add(more).min(MOST_ITEMS);
        }
    }

    /// Learns that an answer did not come.
    pub(super) fn unanswered(&mut self) {
        self.most = (self.most / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(500);

    #[test]
    fn batches_shrink_while_answers_are_slow_and_grow_again() {
        let (slow, quick) = (Duration::from_millis(251), Duration::from_millis(250));
        let mut pace = Pace::new(TIMEOUT);
        assert_eq!(pace.most(), MOST_ITEMS);
        for most in [128, 64, 32, 16, 16] {
            pace.answered(1, slow);
            assert_eq!(pace.most(), most);
        }
        // What was not full says nothing of what is fuller.
        pace.answered(15, quick);
        assert_eq!(pace.most(), 16);
        for most in [18, 20, 22, 24] {
            pace.answered(pace.most(), quick);
            assert_eq!(pace.most(), most);
        }
        for _ in 0..100 {
            pace.answered(pace.most(), quick);
        }
        assert_eq!(pace.most(), MOST_ITEMS);
    }

    #[test]
    fn an_answer_is_expected_to_take_as_long_as_the_last() {
        let mut pace = Pace::new(TIMEOUT);
        assert_eq!(pace.expected(), Duration::ZERO);
        for took in [100, 300, 1].map(Duration::from_millis) {
            pace.answered(1, took);
            assert_eq!(pace.expected(), took);
        }
    }

    #[test]
    fn one_item_is_sent_whatever_happens() {
        let mut pace = Pace::new(TIMEOUT);
        for most in [128, 64, 32, 16, 8, 4, 2, 1, 1] {
            pace.unanswered();
            assert_eq!(pace.most(), most);
        }
        for took in [TIMEOUT, TIMEOUT * 2] {
            pace.answered(1, took);
            assert_eq!(pace.most(), 1);
        }
        pace.answered(1, Duration::ZERO);
        assert_eq!(pace.most(), 2);
    }
}
