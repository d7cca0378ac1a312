use fastlimit::{Policy, PolicyError};

/// What is allowed, in one place.
#[derive(Clone)]
pub(crate) struct Policies {
    pub(crate) users: Policy,
    pub(crate) user: Policy,
    pub(crate) expensive: Policy,
    pub(crate) search: Policy,
    free: Policy,
    premium: Policy,
    enterprise: Policy,
}

#[derive(Clone, Copy)]
pub(crate) enum Tier {
    Free,
    Premium,
    Enterprise,
}

impl Policies {
    pub(crate) fn new() -> Result<Self, PolicyError> {
        Ok(Self {
            users: Policy::new("users", "100/minute")?,
            user: Policy::new("user", "1000/hour")?,
            expensive: Policy::new("expensive", "100/minute")?,
            search: Policy::new("search", "5/30s")?,
            free: Policy::new(Tier::Free.name(), "10/minute")?,
            premium: Policy::new(Tier::Premium.name(), "100/minute")?,
            enterprise: Policy::new(Tier::Enterprise.name(), "1000/minute")?,
        })
    }

    pub(crate) fn of_tier(&self, tier: Tier) -> &Policy {
        match tier {
            Tier::Free => &self.free,
            Tier::Premium => &self.premium,
            Tier::Enterprise => &self.enterprise,
        }
    }

    pub(crate) fn all(&self) -> [&Policy; 7] {
        [
            &self.users,
            &self.user,
            &self.expensive,
            &self.search,
            &self.free,
            &self.premium,
            &self.enterprise,
        ]
    }
}

impl Tier {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Premium => "premium",
            Self::Enterprise => "enterprise",
        }
    }
}
