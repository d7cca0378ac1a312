use std::sync::atomic::{AtomicBool, Ordering};

use crate::Rejection;

/// What the log was told of limits that are set up wrongly: each kind of fault once, and not with
/// each request. A clone was told nothing.
#[derive(Debug, Default)]
pub(crate) struct Told {
    no_address: AtomicBool,
    no_key: AtomicBool,
    no_name: AtomicBool,
    stands_twice: AtomicBool,
}

impl Told {
    pub(crate) const fn nothing() -> Self {
        Self {
            no_address: AtomicBool::new(false),
            no_key: AtomicBool::new(false),
            no_name: AtomicBool::new(false),
            stands_twice: AtomicBool::new(false),
        }
    }

    /// Tells the operator what is set up wrongly, if that is why a request is refused.
    pub(crate) fn of(&self, rejection: &Rejection) {
        let told = match rejection {
            Rejection::MissingClientAddress => &self.no_address,
            Rejection::MissingKey(missing) if missing.is_misconfigured() => &self.no_key,
            Rejection::UnnamedPolicy(_) => &self.no_name,
            // The client's affair, or told as an outage.
            Rejection::Denied(_)
            | Rejection::MissingKey(_)
            | Rejection::Store(_)
            | Rejection::Hook(_) => return,
        };
        if is_first(told) {
            tracing::error!("{rejection}");
        }
    }

    #[cold]
    pub(crate) fn that_it_stands_twice(&self, policy: Option<&str>) {
        if is_first(&self.stands_twice) {
            tracing::warn!(
                policy,
                "the same rate limit layer stands twice on the way of a request, such as around \
                 a router and again around its route; it charges the request once"
            );
        }
    }
}

impl Clone for Told {
    fn clone(&self) -> Self {
        Self::nothing()
    }
}

fn is_first(told: &AtomicBool) -> bool {
    !told.swap(true, Ordering::Relaxed)
}
