use std::fmt;

use fastlimit_core::{Cost, Policy};

use crate::HookValue;

/// A policy, and what of it one request is charged: by the client's address, to the tenant
/// `default`, cost 1, unless told otherwise. A [`Quota`](crate::Quota) returns it, and the
/// function of a [look-up](crate::RateLimitLayer::look_up).
///
/// One request may be charged to several subjects, such as a user and everybody together: all of
/// them or none.
///
/// ```
/// use fastlimit::{Cost, Policy, QuotaRequest};
///
/// let per_user = Policy::new("per-user", "100/minute")?;
/// let overall = Policy::new("overall", "10_000/minute")?;
///
/// let request = QuotaRequest::new(&per_user)
///     .key("ada")
///     .tenant("premium")
///     .cost(Cost::requests(2))
///     .also(QuotaRequest::new(&overall).key("everybody"));
/// # let _ = request;
///
/// // A health check, say:
/// let passes = QuotaRequest::unlimited();
/// # let _ = passes;
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it charges nothing by itself"]
pub struct QuotaRequest {
    /// What the methods set; `None` if that is not limited.
    own: Option<Subject>,
    also: Vec<Subject>,
}

/// Who is charged how much under which policy.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) policy: Policy,
    /// The client's address if `None`.
    pub(crate) key: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) cost: Cost,
}

impl QuotaRequest {
    /// Creates a request for a policy: a [`Policy`] or a `&Policy`. It has a name, else the
    /// request is refused with [`Rejection::UnnamedPolicy`](crate::Rejection::UnnamedPolicy).
    pub fn new<M>(policy: impl HookValue<Policy, M>) -> Self {
        let own = Subject {
            policy: policy.into_value(),
            key: None,
            tenant: None,
            cost: Cost::ONE,
        };
        Self {
            own: Some(own),
            also: Vec::new(),
        }
    }

    /// Creates a request that passes uncharged.
    pub fn unlimited() -> Self {
        Self::of(Vec::new())
    }

    pub(crate) fn of(also: Vec<Subject>) -> Self {
        Self { own: None, also }
    }

    /// Sets who is limited; the [peer's address](crate::ClientIp::peer) otherwise. What a ready-made
    /// [key](crate::key) finds is given as `key.key(parts)?`.
    pub fn key<M>(self, key: impl HookValue<String, M>) -> Self {
        self.with(|subject| subject.key = Some(key.into_value()))
    }

    /// Sets the tenant, `default` otherwise: the same key of another tenant has counters of its
    /// own.
    pub fn tenant<M>(self, tenant: impl HookValue<String, M>) -> Self {
        self.with(|subject| subject.tenant = Some(tenant.into_value()))
    }

    /// Sets the cost, one request otherwise. What costs nothing is not limited.
    pub fn cost(self, cost: Cost) -> Self {
        self.with(|subject| subject.cost = cost)
    }

    /// Charges the request to `other` as well: to both or to neither. The other methods go on to
    /// set what this request charges, and nothing of `other`.
    pub fn also(mut self, other: Self) -> Self {
        self.also.extend(other.own);
        self.also.extend(other.also);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Subject)) -> Self {
        self.own.as_mut().map(change);
        self
    }

    /// The name of the first policy.
    pub(crate) fn policy_name(&self) -> Option<&str> {
        let first = self.own.as_ref().or(self.also.first());
        first.map(|subject| subject.policy.name())
    }

    /// Those that are charged anything.
    pub(crate) fn into_charged(self) -> Vec<Subject> {
        let subjects = self.own.into_iter().chain(self.also);
        subjects.filter(|subject| !subject.cost.is_zero()).collect()
    }
}

impl fmt::Debug for Subject {
    /// Writes no key, since it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("policy", &self.policy)
            .field("tenant", &self.tenant)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}
