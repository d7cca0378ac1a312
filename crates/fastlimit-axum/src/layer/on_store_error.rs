/// What becomes of a request that the store has no answer for; for
/// [`RateLimitLayer::on_store_error`](crate::RateLimitLayer::on_store_error).
#[doc(alias = "fail open")]
#[doc(alias = "fail closed")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStoreError {
    /// It is refused with 503 and `Retry-After`: the service stays within its limits.
    #[default]
    Refuse,
    /// It reaches the handler, uncharged as far as anybody knows: the service stays up. The
    /// request's [`RateLimitStatus`](crate::RateLimitStatus) says so.
    Allow,
}
