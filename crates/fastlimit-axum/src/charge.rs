//! The step that the layer and the extractor share.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::http::StatusCode;
use fastlimit_core::{
    Check, Cost, Decision, Decisions, Error, KeyedDigest, Policy, RateLimiter, RequestBuilder,
    Reservation,
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
    Allowed(Charges, Vec<Reservation>),
    /// Also why others stay charged what was to be given back.
    Denied(Denied, Option<Error>),
    /// The store failed; the name is that of the first policy.
    Unknown(Error, String),
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
    fn of(subject: &'a Subject, bill: &'a Bill) -> Result<Self, Rejection> {
        let charge = Self {
            policy: &subject.policy,
            key: match &subject.key {
                Some(key) => key,
                None => bill.client()?,
            },
            tenant: subject.tenant.as_deref(),
            cost: subject.cost,
        };
        charge.check_name().map(|()| charge)
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
            return Outcome::Allowed(Charges::from_buf([charged]), Vec::new());
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
    /// Whether the charge is corrected when the response is known.
    pub(crate) settles: bool,
}

impl Bill {
    /// The same for these subjects.
    pub(crate) fn of(self, subjects: Vec<Subject>) -> Self {
        Self { subjects, ..self }
    }

    /// The client's address.
    fn client(&self) -> Result<&str, Rejection> {
        if let Some(proxy) = &self.proxy {
            proxy.tell();
        }
        let client = self.client.as_ref().map(ClientText::as_str);
        client.ok_or(Rejection::MissingClientAddress)
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
            [only] if !self.settles => match Charge::of(only, &self) {
                Ok(charge) => charge.at_once(&self.limiter, self.partition(charge.key)),
                Err(rejection) => Some(Err(rejection)),
            },
            _ => None,
        };
        result.ok_or(self)
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
        let charges = subjects.map(|subject| Charge::of(subject, &self));
        let charges = charges.collect::<Result<Vec<_>, _>>()?;
        let Some(first) = charges.first() else {
            return Ok(Outcome::Exempt);
        };
        let requests = charges.iter();
        let all = self
            .limiter
            .all(requests.map(|charge| charge.request(&self.limiter).under(charge.policy)));
        let outcome = if self.settles {
            all.reserve().await.map(|reserved| match reserved {
                Ok(reservations) => {
                    let decisions = reservations.iter().map(Reservation::decision);
                    Outcome::Allowed(self.show(&charges, decisions), reservations)
                }
                Err(decisions) => self.judge(&charges, &decisions),
            })
        } else {
            all.check()
                .await
                .map(|decisions| self.judge(&charges, &decisions))
        };
        Ok(outcome.unwrap_or_else(|error| first.fail(error)))
    }

    fn judge(&self, charges: &[Charge<'_>], decisions: &Decisions) -> Outcome {
        let shown = self.show(charges, decisions.as_slice());
        let refused = decisions
            .refused()
            .and_then(|refused| shown.get(refused.index()));
        match refused.cloned() {
            Some(refused) => {
                let not_given_back = decisions.not_given_back().cloned();
                Outcome::Denied(Denied::new(refused, shown), not_given_back)
            }
            None => Outcome::Allowed(shown, Vec::new()),
        }
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
