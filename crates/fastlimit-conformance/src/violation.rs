use std::fmt;

/// How a store violates a law.
///
/// ```
/// # use fastlimit::store::{Reply, Request};
/// # use fastlimit::{Cost, Decision, LimitStatus, Store, Timestamp};
/// # use fastlimit_conformance::{Fixture, FixtureError, StoreFactory, async_trait};
/// # struct Generous;
/// # impl Store for Generous {
/// #     fn apply(&self, request: &Request<'_>) -> Reply<'_> {
/// #         let now = Timestamp::from_millis(0);
/// #         let allowed = |limit: &_| LimitStatus::allowed(*limit, Cost::ONE, Default::default());
/// #         Reply::ready(Ok(Decision::new(now, now, request.limits().iter().map(allowed))))
/// #     }
/// #
/// #     fn answers_at_once(&self) -> bool {
/// #         true
/// #     }
/// # }
/// # struct AllowsEverything;
/// # #[async_trait]
/// # impl StoreFactory for AllowsEverything {
/// #     async fn create(&self) -> Result<Fixture, FixtureError> { Ok(Fixture::new(Generous)) }
/// # }
/// use fastlimit_conformance::laws;
///
/// # async fn run() {
/// let law = laws::admission::a_limit_of_zero_denies_whatever_costs(&AllowsEverything);
/// let violation = law.await.unwrap_err();
/// assert_eq!(violation.law(), "a_limit_of_zero_denies_whatever_costs");
/// assert_eq!(violation.expected(), "to be denied");
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(run());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the law `{law}` is violated: {what}: expected {expected}, found {found}")]
pub struct Violation {
    law: &'static str,
    what: String,
    expected: String,
    found: String,
}

impl Violation {
    pub(crate) fn new(
        law: &'static str,
        what: impl fmt::Display,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self {
            law,
            what: what.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// Returns the name of the law.
    #[must_use]
    pub const fn law(&self) -> &'static str {
        self.law
    }

    /// Returns what the law looked at.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns what the law expects.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns what the store did.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}
