use std::ops::Deref;

use crate::key::Part;
use crate::{Algorithm, InvalidLimit, Limit, Policy, Rate};

/// What a request is checked against: a [`Rate`], a [`Limit`] or a [`&Policy`](Policy).
///
/// You hardly write this type: methods take `impl Into<Limits>`. It is one or more limits, of which
/// no two have the same algorithm and period. A bare rate counts with the default algorithm of the
/// limiter; by itself it is read as a fixed window, as in a text.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a>(Source<'a>);

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// A rate whose algorithm nobody has chosen yet.
    Bare(Limit),
    One(Limit),
    Policy(&'a Policy),
    /// Those of an owned request, which were validated together.
    Owned(&'a [Limit]),
}

impl<'a> Limits<'a> {
    pub(crate) fn of_owned(limits: &'a [Limit]) -> Self {
        Self(Source::Owned(limits))
    }

    /// The name of the policy that they are of, if they are of one.
    #[inline]
    pub(crate) fn policy(&self) -> Option<&'a Part> {
        match self.0 {
            Source::Policy(policy) => Some(policy.part()),
            Source::Bare(_) | Source::One(_) | Source::Owned(_) => None,
        }
    }

    /// The same, with an algorithm for a bare rate.
    #[inline]
    pub(crate) fn counted_by(self, algorithm: Algorithm) -> Result<Self, InvalidLimit> {
        match self.0 {
            Source::Bare(limit) => Ok(Self(Source::One(Limit::new(limit.rate(), algorithm)?))),
            Source::One(_) | Source::Policy(_) | Source::Owned(_) => Ok(self),
        }
    }
}

impl Deref for Limits<'_> {
    type Target = [Limit];

    #[inline]
    fn deref(&self) -> &[Limit] {
        match &self.0 {
            Source::Bare(limit) | Source::One(limit) => std::slice::from_ref(limit),
            Source::Policy(policy) => policy.limits(),
            Source::Owned(limits) => limits,
        }
    }
}

impl From<Rate> for Limits<'_> {
    #[inline]
    fn from(rate: Rate) -> Self {
        Self(Source::Bare(Limit::fixed_window(rate)))
    }
}

impl From<Limit> for Limits<'_> {
    #[inline]
    fn from(limit: Limit) -> Self {
        Self(Source::One(limit))
    }
}

impl<'a> From<&'a Policy> for Limits<'a> {
    #[inline]
    fn from(policy: &'a Policy) -> Self {
        Self(Source::Policy(policy))
    }
}
