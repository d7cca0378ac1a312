use std::sync::{Mutex, PoisonError};

use crate::connect_error::ConnectStage;

/// How far an attempt has come.
#[derive(Debug)]
pub(super) struct Progress(Mutex<ConnectStage>);

impl Default for Progress {
    fn default() -> Self {
        Self(Mutex::new(ConnectStage::Resolving))
    }
}

impl Progress {
    /// Notes what is waited for now.
    pub(super) fn comes_to(&self, stage: ConnectStage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// What is waited for.
    pub(super) fn stage(&self) -> ConnectStage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
