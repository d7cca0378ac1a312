use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use fastlimit_core::Reservation;
use futures_util::future::join_all;

use super::config::Config;
use super::settlement::Correction;
use crate::charge::{Charge, Payers};
use crate::charged::Charges;
use crate::shown::{self, Leave};

/// A request that passes, as its response is to show it.
pub(super) struct Admission {
    pub(super) charges: Charges,
    pub(super) payers: Payers,
    pub(super) leave: Leave,
    pub(super) config: Arc<Config>,
}

/// The corrected charges, to come.
pub(super) type Settling = Pin<Box<dyn Future<Output = Admission> + Send>>;

impl Admission {
    /// Corrects the charge, if the response asks for that; hands itself back otherwise.
    #[allow(
        clippy::result_large_err,
        reason = "the admission goes back to where it came from"
    )]
    #[inline]
    pub(super) fn settle(self, response: &Response) -> Result<Settling, Self> {
        let correction = if shown::is_refused(response) {
            // By a limit inside: what is refused costs nothing.
            Some(Correction::GiveBack)
        } else {
            self.config.settlement.correction(response)
        };
        match correction {
            Some(correction) => Ok(Box::pin(self.corrected(correction))),
            None => Err(self),
        }
    }

    #[cold]
    async fn corrected(mut self, correction: Correction) -> Self {
        let reservations = self.reservations();
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
                Err(error) => self.config.tell_unsettled(charged.policy(), &error),
            }
        }
        self
    }

    /// What was charged, in the order of the charges.
    fn reservations(&self) -> Vec<Reservation> {
        let payers: Vec<_> = match &self.payers {
            Payers::Nobody => Vec::new(),
            Payers::Unasked(client) => self.config.unasked(client).into_iter().collect(),
            Payers::Listed(subjects, client) => {
                let subjects = subjects.iter();
                subjects
                    .filter_map(|subject| Charge::of(subject, client.as_ref()))
                    .collect()
            }
        };
        let charged = payers.into_iter().zip(&self.charges);
        charged
            .map(|(payer, charged)| {
                payer.reservation(&self.config.limiter, charged.decision().clone())
            })
            .collect()
    }

    /// Shows the charge on the response.
    #[inline]
    pub(super) fn show(self, response: &mut Response) {
        shown::show(self.charges, self.config.headers(), self.leave, response);
    }
}
