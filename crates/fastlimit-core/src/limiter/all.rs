use std::fmt;
use std::sync::Arc;

use super::check::accept;
use super::join::join;
use super::subject::Asked;
use super::{Decisions, RateLimiter, Reservation, Subject};
use crate::store::Reply;
use crate::{Decision, Error, InvalidLimit, StoreError, StoreErrorKind};

/// Several subjects of one request, all charged or none; from [`RateLimiter::all`].
#[must_use = "it does nothing until `check` or `reserve`"]
pub struct All<'a> {
    limiter: &'a RateLimiter,
    subjects: Vec<Subject<'a>>,
}

impl<'a> All<'a> {
    pub(super) fn new<S: Into<Subject<'a>>>(
        limiter: &'a RateLimiter,
        subjects: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            limiter,
            subjects: subjects.into_iter().map(Into::into).collect(),
        }
    }

    /// Charges every subject if all of them are within their limits, else none, as
    /// [`RateLimiter::all`] says.
    ///
    /// An error of one subject wins over a denial of another: a service that lets requests pass when
    /// the store fails lets such a request pass. A subject that is given twice is charged twice, and
    /// the wait of its denial is that of the second charge alone, not that of both.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] if the default algorithm does not serve a rate; nothing was asked then.
    /// [`Error::Store`] if the store does not know the answer for a subject. What the others were
    /// charged is given back then; where that fails too, or may have, the
    /// [kind](crate::StoreErrorKind) of the error is `OutcomeUnknown`.
    pub async fn check(self) -> Result<Decisions, Error> {
        charge(&self.asked()?).await
    }

    /// Charges as [`check`](All::check) does what may have to be given back or is an estimate: a
    /// reservation for each subject, in their order, or else the decisions that deny.
    ///
    /// # Errors
    ///
    /// As [`check`](All::check).
    ///
    /// ```
    /// use fastlimit::{Cost, MemoryStore, Policy, RateLimiter};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = RateLimiter::new(MemoryStore::new());
    /// let (prompts, tokens) = (Policy::new("prompts", "9/hour")?, Policy::new("tokens", "9_000/hour")?);
    /// let key = limiter.request("key-1");
    /// let subjects = [key.under(&prompts), key.cost(Cost::requests(500)).under(&tokens)];
    /// match limiter.all(subjects).reserve().await? {
    ///     Ok(reservations) => {
    ///         let [_prompt, tokens] = <[_; 2]>::try_from(reservations).unwrap();
    ///         tokens.settle(Cost::requests(350)).await?; // what the answer came to
    ///     }
    ///     Err(denied) => println!("come back after {:?}", denied.retry_after()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reserve(self) -> Result<Result<Vec<Reservation>, Decisions>, Error> {
        let asked = self.asked()?;
        let decisions = charge(&asked).await?;
        if decisions.is_denied() {
            return Ok(Err(decisions));
        }
        let reserved = asked.iter().zip(decisions.into_vec());
        let reserved = reserved.map(|(asked, decision)| {
            let limiter = asked.limiter.clone();
            Reservation::new(limiter, asked.request.to_owned(), asked.cost, decision)
        });
        Ok(Ok(reserved.collect()))
    }

    fn asked(self) -> Result<Vec<Asked<'a>>, InvalidLimit> {
        let asked = |subject: Subject<'a>| subject.asked_by(self.limiter);
        self.subjects.into_iter().map(asked).collect()
    }
}

/// Checks all, and gives back what was charged unless all are allowed.
async fn charge(asked: &[Asked<'_>]) -> Result<Decisions, Error> {
    let answers = ask(asked).await;
    let is_allowed = |answer: &Result<Decision, _>| answer.as_ref().is_ok_and(Decision::is_allowed);
    let policy_of = |place: usize| asked.get(place).map(|asked| asked.request.key().policy());
    if answers.iter().all(is_allowed) {
        let list = answers.into_iter().flatten().collect();
        return Ok(Decisions::new(list, policy_of, None));
    }

    // In the place of those that charged nothing there is no refund.
    let charged = asked.iter().zip(&answers);
    let refunds: Vec<_> = charged
        .map(|(asked, answer)| asked.giving_back(answer.as_ref().ok()?))
        .collect();
    let sent: Vec<_> = refunds.iter().flatten().copied().collect();
    let mut given_back = ask(&sent).await.into_iter();

    let (mut list, mut failed, mut not_given_back) = (Vec::with_capacity(asked.len()), None, None);
    for (answer, refund) in answers.into_iter().zip(refunds) {
        match (answer, refund.and_then(|_| given_back.next())) {
            (Ok(_), Some(Ok(after))) => list.push(after),
            (Ok(before), Some(Err(error))) => {
                list.push(before);
                not_given_back.get_or_insert(error);
            }
            (Ok(decision), None) => list.push(decision),
            (Err(error), _) if is_unknown(&error) => failed = Some(error),
            (Err(error), _) => _ = failed.get_or_insert(error),
        }
    }
    match (failed, not_given_back) {
        (None, not_given_back) => Ok(Decisions::new(list, policy_of, not_given_back)),
        (Some(failed), None) => Err(failed),
        (Some(failed), Some(error)) => Err(left_charged(&failed, error).into()),
    }
}

/// Asks for all together; neighbours of one limiter in one call of its store.
async fn ask(asked: &[Asked<'_>]) -> Vec<Result<Decision, Error>> {
    let share_store =
        |one: &Asked<'_>, next: &Asked<'_>| Arc::ptr_eq(&one.limiter.inner, &next.limiter.inner);
    let replies = asked.chunk_by(share_store).flat_map(send).collect();
    let answers = join(replies).await.into_iter().zip(asked);
    answers
        .map(|(answer, asked)| accept(answer, &asked.request))
        .collect()
}

fn send<'a>(asked: &[Asked<'a>]) -> Vec<Reply<'a>> {
    let Some(first) = asked.first() else {
        return Vec::new();
    };
    let requests: Vec<_> = asked.iter().map(|asked| asked.request).collect();
    let mut replies = first.limiter.inner.store.apply_all(&requests);
    let missing = || {
        let message = "the store gave fewer replies than it was asked for";
        Reply::ready(Err(StoreError::new(
            StoreErrorKind::OutcomeUnknown,
            message,
        )))
    };
    replies.resize_with(requests.len(), missing);
    replies
}

fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Store(error) if !error.kind().is_known_uncharged())
}

/// A subject failed, and what another one was charged could not be given back.
fn left_charged(failed: &Error, error: Error) -> StoreError {
    let message = format!("{failed}; what other subjects were charged was not given back: {error}");
    StoreError::new(StoreErrorKind::OutcomeUnknown, message).with_source(error)
}

impl fmt::Debug for All<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("All")
            .field("subjects", &self.subjects)
            .finish_non_exhaustive()
    }
}
