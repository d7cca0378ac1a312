use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use fastlimit_core::Reservation;
use futures_util::future::join_all;

use super::config::Config;
use crate::Headers;
use crate::charged::Charges;
use crate::shown::{self, Leave};

/// A request that passes, as its response is to show it.
pub(super) struct Admission {
    pub(super) charges: Charges,
    pub(super) headers: Headers,
    pub(super) leave: Leave,
    /// Boxed, since few requests have it.
    pub(super) unsettled: Option<Box<Unsettled>>,
}

/// Charges that are corrected when the response is known.
pub(super) struct Unsettled {
    pub(super) reservations: Vec<Reservation>,
    pub(super) config: Arc<Config>,
}

/// The corrected charges, to come.
pub(super) type Settling = Pin<Box<dyn Future<Output = Admission> + Send>>;

impl Admission {
    /// Corrects the charge, if the response asks for that; gives it back otherwise.
    #[allow(
        clippy::result_large_err,
        reason = "the admission goes back to where it came from"
    )]
    pub(super) fn settle(mut self, response: &Response) -> Result<Settling, Self> {
        let Some(unsettled) = self.unsettled.take() else {
            return Err(self);
        };
        let Some(correction) = unsettled.config.settlement.correction(response) else {
            return Err(self);
        };
        Ok(Box::pin(async move {
            let Unsettled {
                reservations,
                config,
            } = *unsettled;
            let first = reservations.first().map(Reservation::estimate);
            let settled = reservations.into_iter().map(|reservation| {
                let estimate = reservation.estimate();
                let cost = correction.of(estimate, first.unwrap_or(estimate));
                reservation.settle(cost)
            });
            for (charged, result) in self.charges.iter_mut().zip(join_all(settled).await) {
                match result {
                    Ok(decision) => charged.correct(decision),
                    // It stays charged, and shows what was charged.
                    Err(error) => config.tell_unsettled(charged.policy(), &error),
                }
            }
            self
        }))
    }

    /// Shows the charge on the response.
    #[inline]
    pub(super) fn show(self, response: &mut Response) {
        shown::show(self.charges, self.headers, self.leave, response);
    }
}
