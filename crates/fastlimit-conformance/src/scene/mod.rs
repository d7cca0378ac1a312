//! What the laws stand on: a store under a random prefix, its time, and typed expectations.

mod limits;
mod parts;
mod subject;
mod time;

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use fastlimit_core::{Algorithm, Decision, Store};

pub(crate) use limits::{DAY, HOUR, MILLISECOND, MINUTE, SECOND, most_requests};
pub(crate) use parts::{remaining, untimed};
pub(crate) use subject::Subject;
pub(crate) use time::{START, at, time_left};

use crate::{Fixture, StoreFactory, Tested, Violation, settings};

/// A store that one law tries. Clones share it.
#[derive(Clone)]
pub(crate) struct Scene {
    inner: Arc<Inner>,
    /// Which one the limits of the law have.
    algorithm: Algorithm,
}

struct Inner {
    law: &'static str,
    fixture: Fixture,
    prefix: String,
    histories: u32,
}

impl Scene {
    pub(crate) async fn open(
        law: &'static str,
        factory: &dyn StoreFactory,
    ) -> Result<Self, Violation> {
        let fixture = factory.create().await.map_err(|error| {
            Violation::new(law, "creating a store", "a store", format_args!("{error}"))
        })?;
        if let Some(clock) = &fixture.clock {
            clock.set(at(START));
        }
        let inner = Inner {
            law,
            fixture,
            prefix: format!("fc{:016x}", fastrand::u64(..)),
            histories: factory.histories(),
        };
        Ok(Self {
            inner: Arc::new(inner),
            algorithm: Algorithm::FixedWindow,
        })
    }

    /// The same scene once for each algorithm: its limits have that, and its subjects are others.
    ///
    /// In real time without token buckets: what is in use of them changes all the time, so that
    /// only the laws on random histories, which know the times of the answers, can tell what is
    /// left.
    pub(crate) fn by_algorithm(&self) -> impl Iterator<Item = Self> + use<> {
        let stands_still = self.clock().is_some();
        self.by_every_algorithm()
            .filter(move |scene| stands_still || scene.algorithm != Algorithm::TokenBucket)
    }

    /// The same in real time too, for laws to which it is all one what is left.
    pub(crate) fn by_every_algorithm(&self) -> impl Iterator<Item = Self> + use<> {
        let scene = self.clone();
        Algorithm::ALL.iter().map(move |&algorithm| Self {
            algorithm,
            ..scene.clone()
        })
    }

    /// How far a law was tried that goes through [`Scene::by_algorithm`].
    pub(crate) fn tried_by_algorithm(&self) -> Tested {
        match self.clock() {
            Some(_) => Tested::InFull,
            None => Tested::InPart {
                missing: "it takes a manual clock for a token bucket to stand still",
            },
        }
    }

    /// Which algorithm the limits of the scene have.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The random prefix of this law.
    pub(crate) fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    /// How many random histories a law tries.
    pub(crate) fn histories(&self) -> Result<u64, Violation> {
        settings::histories(self.inner.histories).map_err(|found| self.setting(found))
    }

    /// The seed of what is random.
    pub(crate) fn seed(&self) -> Result<u64, Violation> {
        settings::seed().map_err(|found| self.setting(found))
    }

    fn setting(&self, found: String) -> Violation {
        self.violation("reading the environment", "a whole number", found)
    }

    /// A subject that no other law knows; `name` tells it from the others of this one.
    pub(crate) fn subject(&self, name: impl Display) -> Subject {
        let name = format!("{} {name}", self.algorithm);
        Subject::new(self, [self.prefix(), "law", "default", &name])
    }

    /// The subject of a key of which the law chooses every part.
    pub(crate) fn subject_of(&self, parts: [&str; 4]) -> Subject {
        Subject::new(self, parts)
    }

    pub(crate) fn instance_count(&self) -> usize {
        self.inner.fixture.instances.len()
    }

    /// Tells whether this instance promises to answer at once.
    pub(crate) fn answers_at_once(&self, instance: usize) -> bool {
        self.instance(instance).is_some_and(Store::answers_at_once)
    }

    fn instance(&self, index: usize) -> Option<&Arc<dyn Store>> {
        let instances = &self.inner.fixture.instances;
        instances.get(index.checked_rem(instances.len())?)
    }

    pub(crate) fn violation(
        &self,
        what: impl Display,
        expected: impl Display,
        found: impl Display,
    ) -> Violation {
        Violation::new(self.inner.law, what, expected, found)
    }

    /// Holds the law to `found` being `expected`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what is compared is made for it: references would clutter every law"
    )]
    pub(crate) fn equal<T: PartialEq + Debug>(
        &self,
        what: impl Display,
        found: T,
        expected: T,
    ) -> Result<(), Violation> {
        if found == expected {
            return Ok(());
        }
        Err(self.violation(
            what,
            format_args!("{expected:?}"),
            format_args!("{found:?}"),
        ))
    }

    /// Holds the law to `holds`; `expected` says what that means.
    pub(crate) fn ensure(
        &self,
        what: impl Display,
        holds: bool,
        expected: impl Display,
        found: impl Debug,
    ) -> Result<(), Violation> {
        if holds {
            return Ok(());
        }
        Err(self.violation(what, expected, format_args!("{found:?}")))
    }

    pub(crate) fn allowed(&self, what: impl Display, decision: &Decision) -> Result<(), Violation> {
        self.ensure(what, decision.is_allowed(), "to be allowed", decision)
    }

    pub(crate) fn denied(&self, what: impl Display, decision: &Decision) -> Result<(), Violation> {
        self.ensure(what, !decision.is_allowed(), "to be denied", decision)
    }

    /// Holds the law to what remains, in milli, of the limit that has least left.
    pub(crate) fn remains(
        &self,
        what: impl Display,
        decision: &Decision,
        milli: u64,
    ) -> Result<(), Violation> {
        let remaining = decision.remaining_cost().as_milli();
        self.ensure(
            what,
            remaining == milli,
            format_args!("{milli} milli to remain"),
            (remaining, decision),
        )
    }

    /// Holds the law to a denial that says when to come back.
    pub(crate) fn wait_of(
        &self,
        what: impl Display,
        decision: &Decision,
    ) -> Result<Duration, Violation> {
        match decision.retry_after() {
            Some(wait) if !decision.is_allowed() => Ok(wait),
            _ => Err(self.violation(
                what,
                "to be denied, and told when to come back",
                format_args!("{decision:?}"),
            )),
        }
    }
}
