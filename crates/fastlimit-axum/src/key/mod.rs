//! Ready-made keys: who a limit counts, by a header, a cookie, a route, a user.
//!
//! A key is given to [`RateLimitLayer::key`](crate::RateLimitLayer::key) as it is, and to a
//! [`QuotaRequest`](crate::QuotaRequest) as `key.key(parts)?`. The client's address is the key
//! [`ClientIp`](crate::ClientIp).
//!
//! ```
//! use fastlimit::{ClientIp, RateLimitLayer, key::{self, Key}};
//! # use fastlimit::{MemoryStore, Policy, RateLimiter};
//! # let limiter = RateLimiter::new(MemoryStore::new());
//! # let policy = Policy::new("data", "100/minute")?;
//! #[derive(Clone)]
//! struct User {
//!     id: u64,
//! }
//!
//! // The user that an authentication layer found, else the address, on each route apart. Add it by
//! // `route_layer`: an unknown URL has no matched path.
//! let user = key::extension(|user: &User| user.id.to_string());
//! let key = (key::matched_path(), user.or_else(ClientIp::peer()));
//! let layer = RateLimitLayer::new(limiter, policy).key(key);
//! # Ok::<(), fastlimit::Error>(())
//! ```
//!
//! A request without the key's value, or with an empty one, is refused by
//! [`Rejection::MissingKey`], and nothing is charged. So is one whose value is not clear: two of
//! them that differ, since the handler might take the other one, or one that is not UTF-8.

mod cookie;
mod extension;
mod header;
mod matched_path;
mod missing_key;
mod or_else;
mod path_param;
mod query_param;
mod secret;
mod sole;
mod tuple;

use axum::http::request::Parts;

pub use cookie::{Cookie, cookie};
pub use extension::{Extension, extension};
pub use header::{Header, header};
pub use matched_path::{MatchedPath, matched_path};
pub use missing_key::{KeyPlace, KeyProblem, MissingKey};
pub use or_else::OrElse;
pub use path_param::{PathParam, path_param};
pub use query_param::{QueryParam, query_param};
pub use secret::Secret;

use fastlimit_core::KeyedDigest;

use crate::Rejection;

/// What finds out who a limit counts, from the request without its body.
///
/// A tuple of two to four keys is a key: what one of them tells apart, the tuple does. The parts
/// stand between bars, as in `/users/{id}|192.0.2.7`; a bar or a backslash within a part is
/// escaped by a backslash, so different parts never make the same key.
///
/// Implement it for a type of your own where a closure does not serve:
///
/// ```
/// use axum::http::request::Parts;
/// use fastlimit::{ClientIp, Rejection, key::{Key, KeyPlace, KeyProblem, MissingKey}};
///
/// /// The first label of the host that was asked for.
/// struct Subdomain;
///
/// impl Key for Subdomain {
///     fn key(&self, parts: &Parts) -> Result<String, Rejection> {
///         let host = parts.headers.get("host").and_then(|value| value.to_str().ok());
///         match host.and_then(|host| host.split_once('.')) {
///             Some((label, _)) => Ok(label.to_owned()),
///             None => Err(MissingKey::new(KeyPlace::Other("subdomain".into()), KeyProblem::Absent).into()),
///         }
///     }
/// }
///
/// let key = (Subdomain, ClientIp::peer());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key of a rate limit",
    note = "keys are `ClientIp`, what the functions of `fastlimit_axum::key` return, and tuples of them"
)]
pub trait Key: Send + Sync + 'static {
    /// Returns the key of a request.
    ///
    /// # Errors
    ///
    /// [`Rejection::MissingKey`] if the request has none, or what else refuses the request.
    fn key(&self, parts: &Parts) -> Result<String, Rejection>;

    /// Takes another key where this one has none.
    ///
    /// None is a value that is absent or empty, also where the service is set up wrongly, or a
    /// client's address that is not known. A value that is not clear refuses the request all the
    /// same, or a client could choose by which key it is counted. What the other key returns is
    /// written behind a bar, `|192.0.2.7`, so no value of this key counts as one of the other.
    fn or_else<K: Key>(self, other: K) -> OrElse<Self, K>
    where
        Self: Sized,
    {
        OrElse::new(self, other)
    }

    /// Keeps the values of this key secret: a limit counts by their digests, so that an API key or
    /// a session stands in no key of a store, no error and no log.
    ///
    /// ```
    /// use fastlimit::KeyedDigest;
    /// use fastlimit::{ClientIp, key::{self, Key}};
    ///
    /// // 16 random bytes or more, the same in all processes that share a store.
    /// let digests = KeyedDigest::new("5cd5ee16d0d41abba3cb41f1fcd26dd7");
    /// let key = key::header("x-api-key").secret(&digests).or_else(ClientIp::peer());
    /// ```
    #[doc(alias = "api key")]
    fn secret(self, digests: &KeyedDigest) -> Secret<Self>
    where
        Self: Sized,
    {
        Secret::new(self, digests.clone())
    }
}
