use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};

use fastlimit_core::{ManualClock, Store};

use crate::Inspect;

/// A store to be tried, and what the laws may use besides.
///
/// What a fixture brings decides how thoroughly a law is tried. The more it brings, the fewer
/// laws are tried in part or not at all:
///
/// | with | the laws may |
/// | --- | --- |
/// | a [clock](Fixture::with_clock) | move the store's time: to the millisecond, over years, back |
/// | more [instances](Fixture::with_instance) | ask several stores over one shared state at the same time |
/// | an [inspector](Fixture::with_inspector) | look at what is stored, byte for byte, and for how long |
pub struct Fixture {
    pub(crate) instances: Vec<Arc<dyn Store>>,
    pub(crate) clock: Option<ManualClock>,
    pub(crate) inspector: Option<Box<dyn Inspect>>,
    /// Dropped with the fixture; in a lock so that it need not be `Sync`.
    guards: Mutex<Vec<Box<dyn Any + Send>>>,
}

impl Fixture {
    /// Creates a fixture of a store that keeps the time of the real world.
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Self {
            instances: vec![Arc::new(store)],
            clock: None,
            inspector: None,
            guards: Mutex::new(Vec::new()),
        }
    }

    /// Adds the clock by which every instance of the store goes.
    #[must_use]
    pub fn with_clock(mut self, clock: ManualClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Adds another instance over the same state, as another process would have.
    #[must_use]
    pub fn with_instance(mut self, store: impl Store) -> Self {
        self.instances.push(Arc::new(store));
        self
    }

    /// Adds a way to look at what is stored.
    #[must_use]
    pub fn with_inspector(mut self, inspector: impl Inspect) -> Self {
        self.inspector = Some(Box::new(inspector));
        self
    }

    /// Adds a value that is dropped when the law is over: a server to stop, a folder to delete.
    #[must_use]
    pub fn with_guard(self, guard: impl Any + Send) -> Self {
        self.guards
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(Box::new(guard));
        self
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("instances", &self.instances.len())
            .field("clock", &self.clock)
            .field("inspector", &self.inspector.is_some())
            .finish_non_exhaustive()
    }
}
