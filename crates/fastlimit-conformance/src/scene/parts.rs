//! Parts of an outcome that laws compare.

use fastlimit_core::{Cost, Outcome};

/// What remains of each limit, in milli.
pub(crate) fn remaining(outcome: &Outcome) -> Vec<u64> {
    let verdicts = outcome.verdicts().iter();
    verdicts
        .map(|verdict| verdict.remaining().as_milli())
        .collect()
}

/// What an outcome says but for its times.
pub(crate) fn untimed(outcome: &Outcome) -> Vec<(bool, Cost, bool)> {
    let verdicts = outcome.verdicts().iter();
    verdicts
        .map(|verdict| {
            (
                verdict.is_allowed(),
                verdict.remaining(),
                verdict.retry_after().is_some(),
            )
        })
        .collect()
}
