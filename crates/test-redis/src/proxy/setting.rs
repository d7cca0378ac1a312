//! The fault that is set, and what it means for a connection.

use std::sync::Arc;

use tokio::sync::watch;

use super::fault::Fault;

/// A fault with what was there when it was set.
pub(super) struct Setting {
    /// The fault.
    fault: Fault,
    /// How many faults were set before.
    number: u64,
    /// How many connections were opened before.
    opened: u64,
}

impl Setting {
    /// Returns the first setting, in which all passes.
    pub(super) fn first() -> Self {
        Self {
            fault: Fault::Pass,
            number: 0,
            opened: 0,
        }
    }

    /// Returns the setting that follows this one.
    pub(super) fn next(&self, fault: Fault, opened: u64) -> Self {
        Self {
            fault,
            number: self.number + 1,
            opened,
        }
    }

    /// Returns how many faults were set before.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns what happens to a connection.
    pub(super) fn fault_of(&self, connection: u64) -> &Fault {
        match &self.fault {
            Fault::HoleExisting if connection < self.opened => &Fault::BlackHole,
            Fault::HoleExisting | Fault::Refuse => &Fault::Pass,
            fault => fault,
        }
    }
}

/// Tells one direction of a connection what happens to it at the moment.
#[derive(Clone)]
pub(super) struct Gate {
    setting: watch::Receiver<Arc<Setting>>,
    connection: u64,
}

impl Gate {
    /// Returns the gate of a connection.
    pub(super) fn new(setting: watch::Receiver<Arc<Setting>>, connection: u64) -> Self {
        Self {
            setting,
            connection,
        }
    }

    /// Waits while nothing passes, and returns the fault otherwise, with its number.
    pub(super) async fn open(&mut self) -> (Fault, u64) {
        loop {
            let setting = Arc::clone(&self.setting.borrow_and_update());
            match setting.fault_of(self.connection) {
                Fault::BlackHole => self.changed().await,
                fault => return (fault.clone(), setting.number()),
            }
        }
    }

    /// Waits until a fault is set that [`Gate::open`] has not seen.
    pub(super) async fn changed(&mut self) {
        if self.setting.changed().await.is_err() {
            // The proxy ends, and this connection with it.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_that_exist_fall_into_the_hole() {
        let setting = Setting::first().next(Fault::HoleExisting, 2);
        let faults = [0, 1, 2, 3].map(|connection| setting.fault_of(connection).clone());
        assert_eq!(
            faults,
            [Fault::BlackHole, Fault::BlackHole, Fault::Pass, Fault::Pass]
        );
    }

    #[test]
    fn connections_that_exist_are_not_refused() {
        let setting = Setting::first().next(Fault::Refuse, 1);
        assert_eq!(setting.fault_of(0), &Fault::Pass);
        assert_eq!(setting.number(), 1);
    }
}
