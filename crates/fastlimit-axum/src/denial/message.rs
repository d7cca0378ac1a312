use std::fmt;

use fastlimit_core::Limit;

use crate::Charged;

/// What a client is told if its limit is not known.
pub(super) const UNAVAILABLE: &str = "the rate limiter is unavailable; try again later";

/// What a client is told if its limit is set up wrongly.
pub(super) const MISCONFIGURED: &str =
    "the rate limiter is set up wrongly; the server's log says how";

/// What a client is told of its denial.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    policy: &'a str,
    limit: Limit,
    retry_after: Option<u64>,
}

impl<'a> Message<'a> {
    pub(crate) fn of(refused: &'a Charged, retry_after: Option<u64>) -> Self {
        Self {
            policy: refused.policy().name(),
            limit: refused.decision().binding().limit(),
            retry_after,
        }
    }

    pub(super) fn policy(&self) -> &'a str {
        self.policy
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate limit of {} exceeded; ", self.limit)?;
        match self.retry_after {
            Some(seconds) => write!(f, "retry after {seconds} s"),
            None => f.write_str("the request costs more than the limit ever allows"),
        }
    }
}
