use crate::{Cost, Timestamp};

/// What to do with the state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Charge the cost to every limit if all of them allow it, else nothing.
    Check(Cost),
    /// Answer as a check of that cost would, and write nothing.
    Peek(Cost),
    /// Charge the cost to every limit, even past the capacity; always allowed.
    Charge(Cost),
    /// Give back what was charged, at most what is in use; always allowed.
    ///
    /// A token bucket may at one instant admit as much more than its burst as was given back, at most
    /// what refilled since the charge.
    Refund {
        /// How much.
        cost: Cost,
        /// When it was charged: [`Decision::charged_at`](crate::Decision::charged_at) of the
        /// decision that charged it. What has drained since is not given back again.
        charged_at: Timestamp,
    },
    /// Forget the state of every limit of the request; answers as a fresh key does.
    Reset,
}
