/// The body of a response to a refused request.
///
/// ```
/// use fastlimit::DenialBody;
/// # use fastlimit::{MemoryStore, Policy, RateLimitLayer, RateLimiter};
/// # let limiter = RateLimiter::new(MemoryStore::new());
/// # let policy = Policy::new("users", "100/minute")?;
///
/// let layer = RateLimitLayer::new(limiter, policy).denial_body(DenialBody::Problem);
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenialBody {
    /// `application/json`:
    /// `{"error":"rate_limit_exceeded","message":…,"retry_after":8,"limit":"100/minute","policy":"users"}`.
    ///
    /// `retry_after` is in seconds, and `null` where waiting never helps.
    #[default]
    Json,
    /// `application/problem+json` (RFC 9457), with the problem types of
    /// draft-ietf-httpapi-ratelimit-headers-11:
    /// `{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":…,"status":429,"detail":…,"violated-policies":["users"],"retry-after":8}`.
    ///
    /// `violated-policies` holds the names that
    /// [`HeaderFamily::Draft11`](crate::HeaderFamily::Draft11) gives to the limits that refused;
    /// `retry-after` is as in JSON.
    Problem,
}

impl DenialBody {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Problem => "application/problem+json",
        }
    }
}
