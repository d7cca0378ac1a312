use std::time::Duration;

use crate::{Decision, Error, Exceeded};

/// What was decided of several subjects, of which all are charged or none; from
/// [`All::check`](crate::All::check).
///
/// ```
/// use fastlimit::{MemoryStore, Policy, RateLimiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), fastlimit::Error> {
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let (per_user, overall) = (Policy::new("user", "1/hour")?, Policy::new("all", "9/hour")?);
/// let subjects = [("user:42", &per_user), ("everybody", &overall)];
///
/// let decisions = limiter.all(subjects).check().await?;
/// assert!(decisions.is_allowed());
/// assert_eq!(decisions.as_slice()[1].remaining(), 8); // in the order of the subjects
///
/// let decisions = limiter.all(subjects).check().await?;
/// let refused = decisions.refused().unwrap();
/// assert_eq!((refused.index(), refused.policy()), (0, "user"));
/// assert_eq!(decisions.retry_after(), refused.decision().retry_after());
/// assert_eq!(decisions.as_slice()[1].remaining(), 8); // nothing was taken from everybody
/// assert!(decisions.not_given_back().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "decisions that nobody looks at deny nothing"]
pub struct Decisions {
    list: Vec<Decision>,
    /// Which one refuses, and the name of its policy.
    refused: Option<(usize, Box<str>)>,
    not_given_back: Option<Error>,
}

/// The subject that refuses: of several the one with the longest wait, the first of equals; from
/// [`Decisions::refused`].
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    index: usize,
    policy: &'a str,
    decision: &'a Decision,
}

impl Decisions {
    /// `policy_of` names the policy of the decision at a place.
    pub(super) fn new<'a>(
        list: Vec<Decision>,
        policy_of: impl Fn(usize) -> Option<&'a str>,
        not_given_back: Option<Error>,
    ) -> Self {
        let mut refused: Option<(usize, &Decision)> = None;
        for (index, decision) in list.iter().enumerate() {
            let waits_longer = |(_, other): (_, &Decision)| decision.wait() > other.wait();
            if decision.is_denied() && refused.is_none_or(waits_longer) {
                refused = Some((index, decision));
            }
        }
        let name = |index| policy_of(index).unwrap_or_default().into();
        Self {
            refused: refused.map(|(index, _)| (index, name(index))),
            list,
            not_given_back,
        }
    }

    /// Tells whether every subject is within its limits; without subjects it is so.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.refused.is_none()
    }

    /// Tells whether a subject is past a limit; none is charged then.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        !self.is_allowed()
    }

    /// Returns the decision of each subject, in the order in which they were given. Where one refuses,
    /// those of the others show how they stand after what they were charged was given back.
    pub fn as_slice(&self) -> &[Decision] {
        &self.list
    }

    /// Returns the decisions, by value.
    pub fn into_vec(self) -> Vec<Decision> {
        self.list
    }

    /// Returns the subject that refuses, if one does.
    #[must_use]
    pub fn refused(&self) -> Option<Refused<'_>> {
        let (index, policy) = self.refused.as_ref()?;
        Some(Refused {
            index: *index,
            policy,
            decision: self.list.get(*index)?,
        })
    }

    /// Returns the time after which the same subjects pass together, if nothing else is charged
    /// meanwhile. `None` if they are allowed, or if one of them never will be.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refused()?.decision.retry_after()
    }

    /// Returns why a subject stays charged though another one refused: the store failed when it was to
    /// give back. That subject's decision shows it as charged, unless the
    /// [kind](crate::StoreErrorKind) of the error leaves that open. The answer is a denial all the
    /// same.
    #[must_use]
    pub fn not_given_back(&self) -> Option<&Error> {
        self.not_given_back.as_ref()
    }

    /// Makes a denial an error, so that `?` ends the function.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] of the subject that refuses.
    pub fn into_result(self) -> Result<Vec<Decision>, Exceeded> {
        match self.refused() {
            Some(refused) => Err(refused.exceeded()),
            None => Ok(self.list),
        }
    }
}

impl<'a> Refused<'a> {
    /// Returns the place of the subject among those that were given, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the name of the subject's policy.
    #[must_use]
    pub fn policy(&self) -> &'a str {
        self.policy
    }

    /// Returns the decision, which denies.
    pub fn decision(&self) -> &'a Decision {
        self.decision
    }

    /// Returns the denial as an error.
    #[must_use]
    pub fn exceeded(&self) -> Exceeded {
        Exceeded::new(self.decision.clone())
    }
}
