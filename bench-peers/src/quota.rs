//! One quota for all rows, which none of them uses up: 1,000,000,000 a day.

use std::num::NonZeroU32;
use std::time::Duration;

pub(crate) const REQUESTS: u32 = 1_000_000_000;
pub(crate) const PERIOD: Duration = Duration::from_secs(86_400);
/// One request's share of the period.
pub(crate) const INTERVAL: Duration = Duration::from_nanos(86_400);

pub(crate) const FIXED_WINDOW: &str = "1_000_000_000/day";
pub(crate) const TOKEN_BUCKET: &str = "1_000_000_000/day token-bucket";

pub(crate) fn governor() -> governor::Quota {
    let burst = NonZeroU32::new(REQUESTS).expect("not zero");
    governor::Quota::with_period(INTERVAL)
        .expect("not zero")
        .allow_burst(burst)
}

/// limitador's quota, counted for each value of `user`.
pub(crate) mod limitador {
    use std::collections::HashMap;

    use limitador::limit::{Context, Limit};

    pub(crate) const NAMESPACE: &str = "bench";

    pub(crate) fn limit() -> Limit {
        let user = "user".try_into().expect("a valid expression");
        let (requests, seconds) = (u64::from(super::REQUESTS), super::PERIOD.as_secs());
        // With an id it packs its keys in Redis into fewer bytes.
        Limit::with_id(NAMESPACE, NAMESPACE, requests, seconds, [], [user])
    }

    /// Who asks; a caller has to make one for each request.
    pub(crate) fn context(user: &str) -> Context<'static> {
        HashMap::from([("user".to_owned(), user.to_owned())]).into()
    }
}
