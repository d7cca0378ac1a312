//! Parts of an decision that laws compare.

use fastlimit_core::{Cost, Decision};

/// What remains of each limit, in milli.
pub(crate) fn remaining(decision: &Decision) -> Vec<u64> {
    let verdicts = decision.limits().iter();
    verdicts
        .map(|verdict| verdict.remaining_cost().as_milli())
        .collect()
}

/// What an decision says but for its times.
pub(crate) fn untimed(decision: &Decision) -> Vec<(bool, Cost, bool)> {
    let verdicts = decision.limits().iter();
    verdicts
        .map(|verdict| {
            (
                verdict.is_allowed(),
                verdict.remaining_cost(),
                verdict.retry_after().is_some(),
            )
        })
        .collect()
}
