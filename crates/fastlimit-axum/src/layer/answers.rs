use std::pin::Pin;

use fastlimit_core::{Cost, Decision, Policy, RateLimiter};

use crate::charge::Charge;
use crate::hook::{Answer, Asked};
use crate::{ClientIp, Rejection};

/// What the hooks answered about one request, as far as they have.
pub(super) struct Answers<'a> {
    pub(super) policy: Asked<'a, Policy>,
    pub(super) key: Key<'a>,
    pub(super) tenant: Option<Asked<'a, String>>,
    pub(super) cost: Asked<'a, Cost>,
}

/// Who is limited.
pub(super) enum Key<'a> {
    Client(ClientIp),
    Hook(Asked<'a, String>),
}

/// An allowed request's decision, or the future of one.
pub(super) enum Charged {
    Now(Decision),
    Later(Later),
}

pub(super) type Later = Pin<Box<dyn Future<Output = Result<Decision, Rejection>> + Send>>;

impl Answers<'_> {
    /// Charges the request: now if no hook and no store has to wait.
    pub(super) fn charge(self, limiter: &RateLimiter) -> Result<Charged, Rejection> {
        match self.charge_now(limiter) {
            Some(result) => result.map(Charged::Now),
            None => Ok(Charged::Later(self.later(limiter.clone()))),
        }
    }

    fn charge_now(&self, limiter: &RateLimiter) -> Option<Result<Decision, Rejection>> {
        let client;
        let charge = Charge {
            policy: self.policy.now()?,
            key: match &self.key {
                Key::Client(address) => {
                    client = address.text();
                    client.as_str()
                }
                Key::Hook(key) => key.now()?,
            },
            tenant: match &self.tenant {
                Some(tenant) => Some(tenant.now()?),
                None => None,
            },
            cost: *self.cost.now()?,
        };
        charge.at_once(limiter)
    }

    /// Waits for what is still to come, and charges the request.
    ///
    /// One box for whatever the hooks and the store wait for: a check borrows the limiter and
    /// the key, so it cannot stand beside them.
    fn later(self, limiter: RateLimiter) -> Later {
        let policy = self.policy.into_answer();
        let key = match self.key {
            Key::Client(client) => Answer::Ready(client.into()),
            Key::Hook(key) => key.into_answer(),
        };
        let tenant = self.tenant.map(Asked::into_answer);
        let cost = self.cost.into_answer();
        Box::pin(async move {
            let policy = policy.get().await?;
            let key = key.get().await?;
            let tenant = match tenant {
                Some(tenant) => Some(tenant.get().await?),
                None => None,
            };
            let charge = Charge {
                policy: &policy,
                key: &key,
                tenant: tenant.as_deref(),
                cost: cost.get().await?,
            };
            charge.to(&limiter).await
        })
    }
}
