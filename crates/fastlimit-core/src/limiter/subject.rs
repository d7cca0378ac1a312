use std::fmt;
use std::time::Duration;

use super::check::Check;
use super::{RateLimiter, RequestBuilder};
use crate::key::RedactedIdentifier;
use crate::store::{Operation, Request};
use crate::{Cost, Decision, InvalidLimit, Limits};

/// One of the subjects of [`RateLimiter::all`]: an identifier and the limits that it is under, and
/// where it matters a tenant and a cost; from [`RequestBuilder::under`]. A pair of both converts into
/// it: `("198.51.100.7", &per_address)`.
///
/// ```
/// use fastlimit::{Cost, MemoryStore, Policy, RateLimiter, Subject};
///
/// # fn main() -> Result<(), fastlimit::Error> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let uploads = Policy::new("uploads", "100/day")?;
/// let plain = Subject::from(("user:42", &uploads));
/// let large = limiter.request("user:42").tenant("premium").cost(Cost::requests(5)).under(&uploads);
/// # let _ = (plain, large);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
#[must_use = "a subject does nothing by itself: pass it to `RateLimiter::all`"]
pub struct Subject<'a> {
    /// The limiter that it was made by, if it was made by one.
    limiter: Option<&'a RateLimiter>,
    identifier: &'a str,
    tenant: Option<&'a str>,
    cost: Cost,
    timeout: Option<Duration>,
    limits: Limits<'a>,
}

/// A subject as its store is asked for it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) limiter: &'a RateLimiter,
    pub(super) request: Request<'a>,
    pub(super) cost: Cost,
}

impl<'a> Subject<'a> {
    pub(super) fn new(request: RequestBuilder<'a>, limits: Limits<'a>) -> Self {
        Self {
            limiter: Some(request.limiter),
            identifier: request.identifier,
            tenant: request.tenant,
            cost: request.cost,
            timeout: request.timeout,
            limits,
        }
    }

    /// The check of the subject, by the limiter that it was made by, else by `limiter`.
    pub(super) fn asked_by(self, limiter: &'a RateLimiter) -> Result<Asked<'a>, InvalidLimit> {
        let limiter = self.limiter.unwrap_or(limiter);
        let request = RequestBuilder {
            limiter,
            identifier: self.identifier,
            tenant: self.tenant,
            cost: self.cost,
            timeout: self.timeout,
        };
        let check = Check::new(request, self.limits, Operation::Check(self.cost));
        Ok(Asked {
            limiter,
            request: check.into_request()?,
            cost: self.cost,
        })
    }
}

impl<'a> Asked<'a> {
    /// Gives back what a decision charged; `None` if it charged nothing.
    pub(super) fn giving_back(self, decision: &Decision) -> Option<Self> {
        if decision.is_denied() || self.cost.is_zero() {
            return None;
        }
        let refund = Operation::Refund {
            cost: self.cost,
            charged_at: decision.charged_at(),
        };
        Some(Self {
            request: self.request.with_operation(refund),
            ..self
        })
    }
}

impl<'a, L: Into<Limits<'a>>> From<(&'a str, L)> for Subject<'a> {
    /// The subject of an identifier under limits, of cost 1 and the tenant `default`.
    fn from((identifier, limits): (&'a str, L)) -> Self {
        Self {
            limiter: None,
            identifier,
            tenant: None,
            cost: Cost::ONE,
            timeout: None,
            limits: limits.into(),
        }
    }
}

impl fmt::Debug for Subject<'_> {
    /// Leaves the identifier out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("identifier", &RedactedIdentifier(self.identifier))
            .field("tenant", &self.tenant)
            .field("cost", &self.cost)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
