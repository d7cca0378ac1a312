use std::fmt;
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, Request};
use axum::response::Response;
use fastlimit_core::{Error, KeyedDigest, Policy, RateLimiter};

use super::admission::Admission;
use super::questions::{Asked, Questions};
use super::settlement::Settlement;
use crate::charge::{Bill, Charge, Outcome, Payers};
use crate::charged::{Charged, Charges};
use crate::client_ip::{self, ClientText, PEER};
use crate::denial::Form;
use crate::denied::Denied;
use crate::outage::Outage;
use crate::shown::{self, Leave};
use crate::status::LayerId;
use crate::style::Style;
use crate::told::Told;
use crate::unavailable::Unavailable;
use crate::{DenialBody, Headers, OnStoreError, RateLimitStatus, Rejection};

/// What a layer was told.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) limiter: RateLimiter,
    pub(super) questions: Questions,
    pub(super) skip: Option<Arc<Skip>>,
    pub(super) exempts_preflights: bool,
    pub(super) settlement: Settlement,
    pub(super) on_store_error: OnStoreError,
    pub(super) is_dry_run: bool,
    /// Those of a dry run are none, unless told otherwise.
    pub(super) headers: Option<Headers>,
    pub(super) body: DenialBody,
    pub(super) jitter: Duration,
    pub(super) partition_key: Option<Arc<KeyedDigest>>,
    pub(super) on_rejection: Option<Arc<Respond>>,
    pub(super) on_decision: Option<Arc<OnDecision>>,
    /// Whether a response gets the decision where no other limit needs it.
    pub(super) attach_decision: bool,
    pub(super) outage: Outage,
    pub(super) told: Told,
}

pub(super) type Skip = dyn Fn(&Parts) -> bool + Send + Sync;
pub(super) type Respond = dyn Fn(&Parts, Rejection) -> Response + Send + Sync;
pub(super) type OnDecision = dyn Fn(&Charged) + Send + Sync;

impl Config {
    pub(super) fn new(limiter: RateLimiter, questions: Questions) -> Self {
        Self {
            limiter,
            questions,
            skip: None,
            exempts_preflights: false,
            settlement: Settlement::default(),
            on_store_error: OnStoreError::default(),
            is_dry_run: false,
            headers: None,
            body: DenialBody::default(),
            jitter: Duration::ZERO,
            partition_key: None,
            on_rejection: None,
            on_decision: None,
            attach_decision: false,
            outage: Outage::none(),
            told: Told::nothing(),
        }
    }
}

impl Config {
    /// Tells the operator at once what would fail with each request.
    pub(super) fn report(&self) {
        if let Questions::Separate(questions) = &self.questions
            && let Some(policy) = questions.policies().find(|policy| !policy.is_named())
        {
            self.told.of(&Rejection::UnnamedPolicy(policy.clone()));
        }
        if let Questions::Separate(questions) = &self.questions
            && questions.cost.value().is_some_and(|cost| cost.is_zero())
            && !self.settlement.is_none()
        {
            tracing::error!(
                policy = self.questions.policy_name(),
                "an estimate of nothing limits nothing; give the layer a cost above zero"
            );
        }
    }

    /// Whether nothing but the hooks tells requests apart.
    #[inline]
    fn is_plain(&self) -> bool {
        self.skip.is_none() && self.partition_key.is_none()
    }
}

/// What becomes of a request, now or when the hooks and the store have answered.
pub(super) enum Charging {
    Now(Outcome),
    Later(Later),
}

pub(super) type Later = Pin<Box<dyn Future<Output = Result<Outcome, Rejection>> + Send>>;

impl Config {
    /// Tells whether a request passes without a question.
    #[inline]
    pub(super) fn passes<B>(&self, request: &Request<B>) -> bool {
        if self.exempts_preflights && is_preflight(request) {
            return true;
        }
        let is_again = RateLimitStatus::has_passed(request.extensions(), self.id());
        if is_again {
            self.told.that_it_stands_twice(self.questions.policy_name());
        }
        is_again
    }

    /// Tells layers apart: clones of one share what they were told.
    #[inline]
    fn id(&self) -> LayerId {
        LayerId(ptr::from_ref(self).addr())
    }

    /// Charges a request if nothing has to be asked about it but the client's address, and the
    /// store answers at once. So its head stays in one piece.
    ///
    /// This and what it calls are compiled into the user's crate, as services are: otherwise each
    /// call copies a request or a decision.
    #[inline]
    pub(super) fn charge_unasked(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Option<Result<Outcome, Rejection>> {
        let Questions::Separate(questions) = &self.questions else {
            return None;
        };
        if !self.is_plain() || !questions.also.is_empty() {
            return None;
        }
        if questions.cost.value()?.is_zero() {
            return Some(Ok(Outcome::Exempt));
        }
        let mut client = ClientText::default();
        if questions.first.key.is_none()
            && let Err(rejection) = PEER.write_text(headers, extensions, &mut client)
        {
            return Some(Err(rejection));
        }
        match self.unasked(&client)?.at_once(&self.limiter, None)? {
            Ok(Outcome::Allowed(charges, _)) => {
                Some(Ok(Outcome::Allowed(charges, Payers::Unasked(client))))
            }
            result => Some(result),
        }
    }

    /// What is charged without a question; `client` is the client's address, for a layer without
    /// a key.
    #[inline]
    pub(super) fn unasked<'a>(&'a self, client: &'a ClientText) -> Option<Charge<'a>> {
        let Questions::Separate(questions) = &self.questions else {
            return None;
        };
        let hooks = &questions.first;
        Some(Charge {
            policy: hooks.policy.value()?,
            key: match &hooks.key {
                Some(key) => key.value()?,
                None => client.as_str(),
            },
            tenant: match &hooks.tenant {
                Some(tenant) => Some(tenant.value()?),
                None => None,
            },
            cost: *questions.cost.value()?,
        })
    }

    /// Asks the hooks, and charges the request.
    pub(super) fn charge(&self, parts: &Parts) -> Result<Charging, Rejection> {
        if self.skip.as_ref().is_some_and(|skip| skip(parts)) {
            return Ok(Charging::Now(Outcome::Exempt));
        }
        let bill = Bill {
            limiter: self.limiter.clone(),
            subjects: Vec::new(),
            client: ClientText::of_peer(&parts.extensions),
            proxy: client_ip::Proxy::find(parts),
            partition_key: self.partition_key.clone(),
        };
        match self.questions.ask(parts)? {
            Asked::Now(subjects) => match bill.of(subjects).now() {
                Ok(result) => result.map(Charging::Now),
                Err(bill) => Ok(Charging::Later(Box::pin(bill.charge()))),
            },
            Asked::Later(subjects) => Ok(Charging::Later(Box::pin(async move {
                bill.of(subjects.await?).charge().await
            }))),
        }
    }

    /// Decides what becomes of a request; `Err` if it goes no further, `None` if its response
    /// shows nothing.
    #[inline]
    pub(super) fn admit(
        self: &Arc<Self>,
        result: Result<Outcome, Rejection>,
        extensions: &mut Extensions,
    ) -> Result<Option<Admission>, Rejection> {
        match result {
            Ok(Outcome::Exempt) => Ok(None),
            Ok(Outcome::Allowed(charges, payers)) => {
                self.outage.works();
                self.record(&charges);
                Ok(Some(self.admission(charges, payers, extensions)))
            }
            Ok(Outcome::Denied(denied, not_given_back)) => {
                self.outage
                    .refuses(denied.policy().name(), not_given_back.as_ref());
                let refused = denied.charges().iter();
                self.record(refused.filter(|charged| charged.decision().is_denied()));
                self.deny(denied, extensions)
            }
            Ok(Outcome::Unknown(error, policy)) => self.fail(error, &policy, extensions),
            Err(rejection) if self.is_dry_run => {
                self.told.of(&rejection);
                Ok(None)
            }
            Err(rejection) => Err(rejection),
        }
    }

    #[inline]
    fn record<'c>(&self, charges: impl IntoIterator<Item = &'c Charged>) {
        if let Some(on_decision) = &self.on_decision {
            charges.into_iter().for_each(|charged| on_decision(charged));
        }
    }

    #[inline]
    fn admission(
        self: &Arc<Self>,
        charges: Charges,
        payers: Payers,
        extensions: &mut Extensions,
    ) -> Admission {
        let is_nested = if self.is_dry_run {
            RateLimitStatus::rehearse(extensions, &charges, self.id())
        } else {
            RateLimitStatus::charge(extensions, &charges, Some(self.id()))
        };
        Admission {
            charges,
            payers,
            leave: Leave {
                shown: is_nested,
                decision: self.attach_decision,
            },
            config: Arc::clone(self),
        }
    }

    #[cold]
    fn deny(
        self: &Arc<Self>,
        denied: Denied,
        extensions: &mut Extensions,
    ) -> Result<Option<Admission>, Rejection> {
        if !self.is_dry_run {
            return Err(Rejection::Denied(denied));
        }
        tracing::debug!(policy = denied.policy().name(), %denied, "a dry run lets a request pass");
        let charges = denied.charges().iter().cloned().collect();
        Ok(Some(self.admission(charges, Payers::Nobody, extensions)))
    }

    #[cold]
    fn fail(
        &self,
        error: Error,
        policy: &str,
        extensions: &mut Extensions,
    ) -> Result<Option<Admission>, Rejection> {
        let is_refused = !self.is_dry_run && self.on_store_error == OnStoreError::Refuse;
        if is_refused {
            self.outage.fails(policy, &error, "requests are refused");
            return Err(Rejection::Store(Unavailable::new(error)));
        }
        self.outage.fails(policy, &error, "requests pass unchecked");
        if !self.is_dry_run {
            RateLimitStatus::leave_unchecked(extensions, self.id());
        }
        Ok(None)
    }

    /// Tells that a charge could not be corrected.
    pub(super) fn tell_unsettled(&self, policy: &Policy, error: &Error) {
        self.outage
            .fails(policy.name(), error, "requests stay charged as estimated");
    }

    /// Answers a request that does not reach the inner service.
    pub(super) fn refuse(&self, parts: &Parts, rejection: Rejection) -> Response {
        self.told.of(&rejection);
        let style = Style {
            headers: self.headers(),
            form: Form::of(self.body, parts),
            jitter: self.jitter,
        };
        let rejection = rejection.in_style(style);
        let Some(respond) = &self.on_rejection else {
            return rejection.respond(style);
        };
        let denied = match &rejection {
            Rejection::Denied(denied) => Some(denied.clone()),
            _ => None,
        };
        let mut response = respond(parts, rejection);
        if let Some(denied) = denied
            && !shown::shows_a_limit(&response)
        {
            denied.show(&mut response);
        }
        response
    }

    #[inline]
    pub(super) fn headers(&self) -> Headers {
        self.headers.unwrap_or(if self.is_dry_run {
            Headers::none()
        } else {
            Headers::default()
        })
    }

    pub(super) fn write_fields(&self, f: &mut fmt::DebugStruct<'_, '_>) -> fmt::Result {
        // No key: it may be a secret.
        f.field("limiter", &self.limiter)
            .field("questions", &self.questions)
            .field("on_store_error", &self.on_store_error)
            .field("is_dry_run", &self.is_dry_run)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
