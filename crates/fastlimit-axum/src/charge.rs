//! The step that the layer and the extractor share.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::http::StatusCode;
use fastlimit_core::{
    Check, Cost, Decision, Error, KeyedDigest, Policy, RateLimiter, RequestBuilder, Reservation,
};
use tokio::runtime::Handle;

use crate::Rejection;
use crate::charged::{Charged, Charges};
use crate::client_ip::{ClientText, Proxy};
use crate::denied::Denied;
use crate::quota::Subject;

/// What became of the charge of one request.
pub(crate) enum Outcome {
    /// Nothing limits the request.
    Exempt,
    Allowed(Charges, Payers),
    /// Also why others stay charged what was to be given back.
    Denied(Denied, Option<Error>),
    /// The store failed; the name is that of the first policy.
    Unknown(Error, String),
}

/// Who was charged, should the charge have to be corrected.
pub(crate) enum Payers {
    Nobody,
    /// What a layer asks nobody for; the client's address, if that is the key.
    Unasked(ClientText),
    Listed(Vec<Subject>, Option<ClientText>),
}

/// What one subject is charged.
#[derive(Clone, Copy)]
pub(crate) struct Charge<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) key: &'a str,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) cost: Cost,
}

impl<'a> Charge<'a> {
    /// `None` if the subject is the client's address and that is not known.
    pub(crate) fn of(subject: &'a Subject, client: Option<&'a ClientText>) -> Option<Self> {
        Some(Self {
            policy: &subject.policy,
            key: subject.key.as_deref().or(client.map(ClientText::as_str))?,
            tenant: subject.tenant.as_deref(),
            cost: subject.cost,
        })
    }

    /// What was charged, to be corrected.
    pub(crate) fn reservation(self, limiter: &RateLimiter, decision: Decision) -> Reservation {
        self.request(limiter).reservation(decision, self.policy)
    }

    /// Refuses a policy without a name.
    #[inline]
    fn check_name(&self) -> Result<(), Rejection> {
        if self.policy.is_named() {
            Ok(())
        } else {
            Err(Rejection::UnnamedPolicy(self.policy.clone()))
        }
    }

    /// Charges the limiter, or does nothing if the store may have to wait: `None`.
    #[inline]
    pub(crate) fn at_once(
        self,
        limiter: &RateLimiter,
        partition: Option<[u8; 16]>,
    ) -> Option<Result<Outcome, Rejection>> {
        if let Err(rejection) = self.check_name() {
            return Some(Err(rejection));
        }
        let check: Check<'_> = self.request(limiter).check(self.policy);
        Some(Ok(match check.at_once().ok()? {
            Ok(decision) => self.judge(decision, partition),
            Err(error) => self.fail(error),
        }))
    }

    #[inline]
    fn request<'b>(&self, limiter: &'b RateLimiter) -> RequestBuilder<'b>
    where
        'a: 'b,
    {
        let request = limiter.request(self.key).cost(self.cost);
        match self.tenant {
            Some(tenant) => request.tenant(tenant),
            None => request,
        }
    }

    #[inline]
    fn judge(&self, decision: Decision, partition: Option<[u8; 16]>) -> Outcome {
        let is_allowed = decision.is_allowed();
        let charged = Charged::new(self.policy.clone(), decision, partition);
        if is_allowed {
            return Outcome::Allowed(Charges::from_buf([charged]), Payers::Nobody);
        }
        let denied = Denied::new(charged.clone(), Charges::from_buf([charged]));
        Outcome::Denied(denied, None)
    }

    #[cold]
    fn fail(&self, error: Error) -> Outcome {
        Outcome::Unknown(error, self.policy.name().to_owned())
    }
}

/// All that one request is charged.
pub(crate) struct Bill {
    pub(crate) limiter: RateLimiter,
    pub(crate) subjects: Vec<Subject>,
    /// The client's address, for a subject without a key.
    pub(crate) client: Option<ClientText>,
    /// One that seems to stand in front, whose clients would all be that address.
    pub(crate) proxy: Option<Proxy>,
    pub(crate) partition_key: Option<Arc<KeyedDigest>>,
}

impl Bill {
    /// The same for these subjects.
    pub(crate) fn of(self, subjects: Vec<Subject>) -> Self {
        Self { subjects, ..self }
    }

    fn charge_of<'b>(&'b self, subject: &'b Subject) -> Result<Charge<'b>, Rejection> {
        if subject.key.is_none()
            && let Some(proxy) = &self.proxy
        {
            proxy.tell();
        }
        let charge = Charge::of(subject, self.client.as_ref());
        let charge = charge.ok_or(Rejection::MissingClientAddress)?;
        charge.check_name().map(|()| charge)
    }

    /// Charges the one subject of most requests, if the store answers at once; gives the bill
    /// back otherwise.
    #[allow(
        clippy::result_large_err,
        reason = "the bill goes back to where it came from"
    )]
    pub(crate) fn now(self) -> Result<Result<Outcome, Rejection>, Self> {
        let result = match self.subjects.as_slice() {
            [] => Some(Ok(Outcome::Exempt)),
            [only] => match self.charge_of(only) {
                Ok(charge) => charge.at_once(&self.limiter, self.partition(charge.key)),
                Err(rejection) => Some(Err(rejection)),
            },
            _ => None,
        };
        match result {
            Some(Ok(Outcome::Allowed(charges, _))) => Ok(Ok(self.allow(charges))),
            Some(result) => Ok(result),
            None => Err(self),
        }
    }

    /// Charges all subjects or none.
    ///
    /// Several go on if the client hangs up meanwhile: what a refused request was charged is given
    /// back all the same, so nobody empties a common quota by hanging up.
    pub(crate) async fn charge(self) -> Result<Outcome, Rejection> {
        let is_one = self.subjects.len() <= 1;
        let mut charging = Box::pin(self.charge_all());
        if is_one {
            return charging.await;
        }
        let first = poll_fn(|context| Poll::Ready(charging.as_mut().poll(context)));
        if let Poll::Ready(outcome) = first.await {
            return outcome;
        }
        match Handle::try_current() {
            Ok(runtime) => match runtime.spawn(charging).await {
                Ok(outcome) => outcome,
                // The runtime is going down, and the request with it.
                Err(_) => Err(Rejection::hook(StatusCode::SERVICE_UNAVAILABLE)),
            },
            Err(_) => charging.await,
        }
    }

    async fn charge_all(self) -> Result<Outcome, Rejection> {
        let subjects = self.subjects.iter();
        let charges = subjects.map(|subject| self.charge_of(subject));
        let charges = charges.collect::<Result<Vec<_>, _>>()?;
        let Some(first) = charges.first() else {
            return Ok(Outcome::Exempt);
        };
        let requests = charges.iter();
        let requests = requests.map(|charge| charge.request(&self.limiter).under(charge.policy));
        let decisions = match self.limiter.all(requests).check().await {
            Ok(decisions) => decisions,
            Err(error) => return Ok(first.fail(error)),
        };
        let shown = self.show(&charges, decisions.as_slice());
        let refused = decisions.refused();
        let refused = refused.and_then(|refused| shown.get(refused.index()));
        Ok(match refused.cloned() {
            Some(refused) => {
                let not_given_back = decisions.not_given_back().cloned();
                Outcome::Denied(Denied::new(refused, shown), not_given_back)
            }
            None => self.allow(shown),
        })
    }

    fn allow(self, charges: Charges) -> Outcome {
        Outcome::Allowed(charges, Payers::Listed(self.subjects, self.client))
    }

    fn show<'d>(
        &self,
        charges: &[Charge<'_>],
        decisions: impl IntoIterator<Item = &'d Decision>,
    ) -> Charges {
        let shown = charges.iter().zip(decisions).map(|(charge, decision)| {
            let partition = self.partition(charge.key);
            Charged::new(charge.policy.clone(), decision.clone(), partition)
        });
        shown.collect()
    }

    fn partition(&self, key: &str) -> Option<[u8; 16]> {
        self.partition_key.as_ref().map(|digest| digest.bytes(key))
    }
}
