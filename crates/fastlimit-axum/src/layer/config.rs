use std::fmt;
use std::sync::Arc;

use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use axum::http::request::Parts;
use axum::http::{Extensions, Method, Request};
use axum::response::{IntoResponse, Response};
use fastlimit_core::{Cost, Decision, Policy, RateLimiter};

use super::answers::{Answers, Charged, Key};
use super::limit_values::LimitValues;
use crate::charge::Charge;
use crate::client_ip::ClientText;
use crate::hook::Hook;
use crate::{ClientIp, Rejection, headers};

/// What a layer was told.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) limiter: RateLimiter,
    policy: Hook<Policy>,
    /// Those of the policy.
    pub(super) limit_values: LimitValues,
    /// The client's address if `None`.
    pub(super) key: Option<Hook<String>>,
    pub(super) tenant: Option<Hook<String>>,
    pub(super) cost: Hook<Cost>,
    pub(super) on_rejection: Option<Arc<Respond>>,
    pub(super) preflights: Preflights,
    /// Whether a response gets the decision where no other limit needs it.
    pub(super) attach_decision: bool,
}

type Respond = dyn Fn(&Parts, Rejection) -> Response + Send + Sync;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preflights {
    Limited,
    Unlimited,
}

impl Config {
    pub(super) fn new(limiter: RateLimiter, policy: Hook<Policy>) -> Self {
        Self {
            limiter,
            limit_values: LimitValues::of(&policy),
            policy,
            key: None,
            tenant: None,
            cost: Hook::fixed(Cost::ONE),
            on_rejection: None,
            preflights: Preflights::Unlimited,
            attach_decision: false,
        }
    }

    pub(super) fn set_policy(&mut self, policy: Hook<Policy>) {
        self.limit_values = LimitValues::of(&policy);
        self.policy = policy;
    }

    /// Tells whether a request passes without being limited.
    pub(super) fn exempts<B>(&self, request: &Request<B>) -> bool {
        self.preflights == Preflights::Unlimited
            && request.method() == Method::OPTIONS
            && request.headers().contains_key(ORIGIN)
            && request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Charges a request if nothing has to be asked about it but the client's address, and the
    /// store answers at once. So its head stays in one piece.
    ///
    /// This and what it calls are compiled into the user's crate, as services are: otherwise each
    /// call copies a request or a decision.
    #[inline]
    pub(super) fn charge_unasked(
        &self,
        extensions: &Extensions,
    ) -> Option<Result<Decision, Rejection>> {
        let mut client = ClientText::default();
        let charge = Charge {
            policy: self.policy.value()?,
            tenant: match &self.tenant {
                Some(tenant) => Some(tenant.value()?),
                None => None,
            },
            cost: *self.cost.value()?,
            key: match &self.key {
                Some(key) => key.value()?,
                None => match ClientIp::connected(extensions) {
                    Ok(address) => client.write(address),
                    Err(rejection) => return Some(Err(rejection)),
                },
            },
        };
        charge.at_once(&self.limiter)
    }

    /// Asks the hooks, and charges the request.
    pub(super) fn charge(&self, parts: &Parts) -> Result<Charged, Rejection> {
        self.ask(parts)?.charge(&self.limiter)
    }

    /// Asks the hooks; the first that refuses ends it.
    fn ask(&self, parts: &Parts) -> Result<Answers<'_>, Rejection> {
        Ok(Answers {
            policy: self.policy.ask(parts)?,
            key: match &self.key {
                Some(key) => Key::Hook(key.ask(parts)?),
                None => Key::Client(ClientIp::from_parts(parts)?),
            },
            tenant: match &self.tenant {
                Some(tenant) => Some(tenant.ask(parts)?),
                None => None,
            },
            cost: self.cost.ask(parts)?,
        })
    }

    /// Answers a request that does not reach the inner service.
    pub(super) fn refuse(&self, parts: &Parts, rejection: Rejection) -> Response {
        rejection.report();
        let Some(respond) = &self.on_rejection else {
            return rejection.into_response();
        };
        let exceeded = match &rejection {
            Rejection::Denied(exceeded) => Some(exceeded.clone()),
            _ => None,
        };
        let mut response = respond(parts, rejection);
        if let Some(exceeded) = exceeded {
            headers::show_denial(&exceeded, &mut response);
        }
        response
    }

    pub(super) fn write_fields(&self, f: &mut fmt::DebugStruct<'_, '_>) -> fmt::Result {
        // No key: it may be a secret.
        f.field("limiter", &self.limiter)
            .field("policy", &self.policy)
            .field("tenant", &self.tenant)
            .field("cost", &self.cost)
            .field("preflights", &self.preflights)
            .field("attach_decision", &self.attach_decision)
            .finish_non_exhaustive()
    }
}
