//! The header fields by which a response shows what its request was charged.

pub(crate) mod decimal;
mod draft_03;
mod draft_11;
mod rank;
mod reset;
pub(crate) mod seconds;
mod shown;
#[cfg(test)]
mod tests;
mod three_fields;
mod x_ratelimit;
mod x_ratelimit_epoch;

use axum::http::header::{HeaderMap, HeaderName};

pub(crate) use draft_11::item_names;
pub(crate) use rank::Rank;

use crate::Charged;

/// Makes the families of a list, in the order in which they are written. A family is a module
/// with `NAMES`, its fields, and `write`, which puts them all onto a response.
macro_rules! list_families {
    ($($(#[doc = $doc:literal])+ $family:ident: $module:ident),+ $(,)?) => {
        /// A family of header fields that say how a limit stands.
        ///
        /// All families of one response describe the same quota. What is left is in whole
        /// requests, rounded down; seconds are rounded up. The reset is the time within which a
        /// client can use no more than what is left: while a request is left, the time until the
        /// limit is as good as new; once none is, the time until the next request of the same
        /// cost passes; of a denial, what `Retry-After` says, before any jitter.
        ///
        /// ```
        /// use fastlimit::{HeaderFamily, Headers};
        /// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
        /// # let limiter = RateLimiter::new(MemoryStore::new());
        /// # let policy = Policy::new("users", "100/minute")?;
        ///
        /// let layer = RateLimitLayer::new(limiter, policy)
        ///     .headers([HeaderFamily::Draft11, HeaderFamily::XRateLimit]);
        /// // RateLimit-Policy: "users";q=100;w=60
        /// // RateLimit: "users";r=99;t=40
        /// // X-RateLimit-Limit: 100
        /// // X-RateLimit-Remaining: 99
        /// // X-RateLimit-Reset: 40
        ///
        /// let silent = layer.headers(Headers::none());
        /// # Ok::<(), fastlimit::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum HeaderFamily {
            $($(#[doc = $doc])+ $family,)+
        }

        const FAMILIES: [HeaderFamily; [$(stringify!($family)),+].len()] =
            [$(HeaderFamily::$family),+];

        impl HeaderFamily {
            #[inline]
            fn names(self) -> &'static [HeaderName] {
                match self {
                    $(Self::$family => &$module::NAMES,)+
                }
            }

            #[inline]
            fn write(self, charges: &[Charged], fields: &mut HeaderMap) {
                match self {
                    $(Self::$family => $module::write(charges, fields),)+
                }
            }
        }
    };
}

list_families! {
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, the last in seconds
    /// from now: of the strictest limit.
    XRateLimit: x_ratelimit,
    /// The same fields as GitHub sends them, with `X-RateLimit-Reset` in seconds since the Unix
    /// epoch, by the store's clock.
    XRateLimitEpoch: x_ratelimit_epoch,
    /// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds from now) of
    /// draft-ietf-httpapi-ratelimit-headers-03: of the strictest limit.
    Draft03: draft_03,
    /// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11: an item for
    /// each limit. It has the policy's name, and where a policy has several limits also the
    /// period, such as `"users-minute"`.
    Draft11: draft_11,
}

/// Which families of header fields the responses under a limit carry: one, several or none.
///
/// [`HeaderFamily`] has an example. Two families that have the same fields, as
/// [`XRateLimit`](HeaderFamily::XRateLimit) and
/// [`XRateLimitEpoch`](HeaderFamily::XRateLimitEpoch), cannot stand in one response: the one that
/// is named last does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Headers {
    /// Each in its own place, if it is one of them.
    families: [Option<HeaderFamily>; FAMILIES.len()],
}

impl Headers {
    const DEFAULT: Self = {
        let mut headers = Self::none();
        let [first, ..] = &mut headers.families;
        *first = Some(HeaderFamily::XRateLimit);
        headers
    };

    /// Returns no families: responses say nothing of their limit.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            families: [None; FAMILIES.len()],
        }
    }

    fn with(mut self, family: HeaderFamily) -> Self {
        for (place, other) in self.families.iter_mut().zip(FAMILIES) {
            if other == family {
                *place = Some(family);
            } else if other
                .names()
                .iter()
                .any(|name| family.names().contains(name))
            {
                *place = None;
            }
        }
        self
    }

    /// Writes what `charges` say, never none, onto a response, and returns the families that had
    /// a place there.
    ///
    /// The fields of the families in `inside` are those of a limit inside: they go, since all are
    /// written anew. What else is there is the handler's own: it stays, and a family that has one
    /// of these fields is left out.
    #[inline]
    pub(crate) fn write(&self, charges: &[Charged], inside: Self, fields: &mut HeaderMap) -> Self {
        for family in inside.families.iter().flatten() {
            for name in family.names() {
                fields.remove(name);
            }
        }
        let mut written = *self;
        for place in &mut written.families {
            let Some(family) = place else {
                continue;
            };
            let names = family.names();
            // Few fields are there, so looking at each costs less than hashing a name.
            if fields.keys().all(|name| !names.contains(name)) {
                family.write(charges, fields);
            } else {
                *place = None;
            }
        }
        written
    }
}

impl Default for Headers {
    /// Returns [`HeaderFamily::XRateLimit`] alone.
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<HeaderFamily> for Headers {
    fn from(family: HeaderFamily) -> Self {
        Self::none().with(family)
    }
}

impl<const N: usize> From<[HeaderFamily; N]> for Headers {
    fn from(families: [HeaderFamily; N]) -> Self {
        families.into_iter().fold(Self::none(), Self::with)
    }
}
