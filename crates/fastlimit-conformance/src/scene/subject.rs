use std::time::Duration;

use fastlimit_core::store::{Key, Operation, OwnedKey, Reply, Request};
use fastlimit_core::{Cost, Decision, LimitStatus, Limits, Timestamp};

use super::Scene;
use crate::{FixtureError, Inspect, Lifetime, Violation};

/// A store that has not answered after this time never will.
const DEADLINE: Duration = Duration::from_secs(30);

/// One key of a store, as one of its instances sees it.
#[derive(Clone)]
pub(crate) struct Subject {
    scene: Scene,
    key: OwnedKey,
    instance: usize,
}

impl Subject {
    pub(super) fn new(scene: &Scene, parts: [&str; 4]) -> Self {
        let [prefix, policy, tenant, identifier] = parts;
        Self {
            scene: scene.clone(),
            key: Key::new(prefix, policy, tenant, identifier).into(),
            instance: 0,
        }
    }

    /// The same subject, asked for through another instance of the store.
    pub(crate) fn through(&self, instance: usize) -> Self {
        Self {
            instance,
            ..self.clone()
        }
    }

    pub(crate) fn key(&self) -> Key<'_> {
        self.key.as_key()
    }

    /// Sends a request, and does not wait for the reply.
    pub(crate) fn send<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
        operation: Operation,
    ) -> Result<Reply<'_>, Violation> {
        let store = self.scene.instance(self.instance).ok_or_else(|| {
            self.scene
                .violation("creating a store", "at least one instance", "none")
        })?;
        let limits: Limits<'a> = limits.into();
        Ok(store.apply(&Request::new(self.key(), limits, operation)))
    }

    pub(crate) async fn apply<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
        operation: Operation,
    ) -> Result<Decision, Violation> {
        let limits = limits.into();
        let result = match self.send(limits, operation)? {
            Reply::Ready(result) => result,
            Reply::Pending(future) => {
                tokio::time::timeout(DEADLINE, future).await.map_err(|_| {
                    self.scene
                        .violation(format_args!("{operation:?}"), "an answer", "none in 30 s")
                })?
            }
        };
        let decision = result.map_err(|error| {
            let found = format!("{:?}: {error}", error.kind());
            self.scene
                .violation(format_args!("{operation:?}"), "an answer", found)
        })?;
        let answered = decision.limits().iter().map(LimitStatus::limit);
        self.scene.equal(
            "the limits of the answer, those of the request",
            answered.collect::<Vec<_>>(),
            limits.to_vec(),
        )?;
        Ok(decision)
    }

    pub(crate) async fn check<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
        cost: Cost,
    ) -> Result<Decision, Violation> {
        self.apply(limits, Operation::Check(cost)).await
    }

    pub(crate) async fn peek<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
        cost: Cost,
    ) -> Result<Decision, Violation> {
        self.apply(limits, Operation::Peek(cost)).await
    }

    /// What is left of each limit.
    pub(crate) async fn usage<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
    ) -> Result<Decision, Violation> {
        self.peek(limits, Cost::ZERO).await
    }

    pub(crate) async fn charge<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
        cost: Cost,
    ) -> Result<Decision, Violation> {
        self.apply(limits, Operation::Charge(cost)).await
    }

    pub(crate) async fn refund<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
        cost: Cost,
        charged_at: Timestamp,
    ) -> Result<Decision, Violation> {
        let refund = Operation::Refund { cost, charged_at };
        self.apply(limits, refund).await
    }

    pub(crate) async fn reset<'a>(
        &self,
        limits: impl Into<Limits<'a>>,
    ) -> Result<Decision, Violation> {
        self.apply(limits, Operation::Reset).await
    }

    /// What is stored, if the store can be looked into: `Some(None)` where there is nothing.
    pub(crate) async fn state(&self) -> Result<Option<Option<Vec<u8>>>, Violation> {
        let Some(inspector) = self.inspector() else {
            return Ok(None);
        };
        let state = inspector.state(self.key()).await;
        state.map(Some).map_err(|error| self.inspection(&error))
    }

    /// How long it is stored, if the store drops state by a lifetime.
    pub(crate) async fn lifetime(&self) -> Result<Option<Lifetime>, Violation> {
        let Some(inspector) = self.inspector() else {
            return Ok(None);
        };
        let lifetime = inspector.lifetime(self.key()).await;
        lifetime.map_err(|error| self.inspection(&error))
    }

    /// Puts foreign bytes under the key, if that can be done.
    pub(crate) async fn plant(&self, bytes: &[u8]) -> Result<bool, Violation> {
        let Some(inspector) = self.inspector() else {
            return Ok(false);
        };
        let planted = inspector.plant(self.key(), bytes).await;
        planted.map_err(|error| self.inspection(&error))
    }

    fn inspector(&self) -> Option<&dyn Inspect> {
        self.scene.inner.fixture.inspector.as_deref()
    }

    fn inspection(&self, error: &FixtureError) -> Violation {
        self.scene
            .violation("looking into the store", "what is stored", error)
    }
}
