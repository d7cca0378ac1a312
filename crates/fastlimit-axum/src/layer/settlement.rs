use std::sync::Arc;

use axum::response::Response;
use fastlimit_core::Cost;

/// How the charge of a request is corrected when its response is known.
#[derive(Clone, Default)]
pub(super) struct Settlement {
    pub(super) counts: Option<Arc<Counts>>,
    pub(super) cost: Option<Arc<CostAfter>>,
}

pub(super) type Counts = dyn Fn(&Response) -> bool + Send + Sync;
pub(super) type CostAfter = dyn Fn(&Response) -> Cost + Send + Sync;

impl Settlement {
    pub(super) fn is_none(&self) -> bool {
        self.counts.is_none() && self.cost.is_none()
    }

    /// What becomes of the charge; `None` if it stays.
    pub(super) fn correction(&self, response: &Response) -> Option<Correction> {
        match &self.counts {
            Some(counts) if !counts(response) => Some(Correction::GiveBack),
            _ => self
                .cost
                .as_ref()
                .map(|cost| Correction::Cost(cost(response))),
        }
    }
}

/// How a charge is corrected.
#[derive(Clone, Copy)]
pub(super) enum Correction {
    /// The request does not count.
    GiveBack,
    /// It came to this, in place of the estimate.
    Cost(Cost),
}

impl Correction {
    /// What a subject is charged after all, of which that was the estimate; `first` is that of
    /// the first subject.
    pub(super) fn of(self, estimate: Cost, first: Cost) -> Cost {
        match self {
            Self::GiveBack => Cost::ZERO,
            Self::Cost(cost) if estimate == first => cost,
            Self::Cost(_) => estimate,
        }
    }
}
