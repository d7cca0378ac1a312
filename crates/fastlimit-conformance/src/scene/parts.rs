//! Parts of an decision that laws compare.

use fastlimit_core::{Cost, Decision};

/// What remains of each limit, in milli.
pub(crate) fn remaining(decision: &Decision) -> Vec<u64> {
    let statuses = decision.limits().iter();
    statuses
        .map(|status| status.remaining_cost().as_milli())
        .collect()
}

/// What an decision says but for its times.
pub(crate) fn untimed(decision: &Decision) -> Vec<(bool, Cost, bool)> {
    let statuses = decision.limits().iter();
    statuses
        .map(|status| {
            (
                status.is_allowed(),
                status.remaining_cost(),
                status.retry_after().is_some(),
            )
        })
        .collect()
}
