use crate::{Algorithm, Limit, Limits, Policy, Rate};

/// What a request is checked against: a [`Rate`], a [`Limit`] or a [`&Policy`](Policy).
///
/// You hardly write this type: methods take `impl Into<Rule>`.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a>(Kind<'a>);

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Rate(Rate),
    Limit(Limit),
    Policy(&'a Policy),
}

impl<'a> Rule<'a> {
    /// The policy, if the rule is one.
    #[inline]
    pub(super) fn limits(self, default: Algorithm) -> Limits<'a> {
        match self.0 {
            Kind::Rate(rate) => Limit::new(rate, default).into(),
            Kind::Limit(limit) => limit.into(),
            Kind::Policy(policy) => policy.into(),
        }
    }
}

impl From<Rate> for Rule<'_> {
    #[inline]
    fn from(rate: Rate) -> Self {
        Self(Kind::Rate(rate))
    }
}

impl From<Limit> for Rule<'_> {
    #[inline]
    fn from(limit: Limit) -> Self {
        Self(Kind::Limit(limit))
    }
}

impl<'a> From<&'a Policy> for Rule<'a> {
    #[inline]
    fn from(policy: &'a Policy) -> Self {
        Self(Kind::Policy(policy))
    }
}

/// A [`Rule`] that owns its parts.
#[derive(Clone, Debug)]
pub(super) enum OwnedRule {
    Limit(Limit),
    Policy(Policy),
}

impl OwnedRule {
    pub(super) fn as_rule(&self) -> Rule<'_> {
        match self {
            Self::Limit(limit) => (*limit).into(),
            Self::Policy(policy) => policy.into(),
        }
    }
}

impl Rule<'_> {
    pub(super) fn to_owned(self, default: Algorithm) -> OwnedRule {
        match self.0 {
            Kind::Rate(rate) => OwnedRule::Limit(Limit::new(rate, default)),
            Kind::Limit(limit) => OwnedRule::Limit(limit),
            Kind::Policy(policy) => OwnedRule::Policy(policy.clone()),
        }
    }
}
