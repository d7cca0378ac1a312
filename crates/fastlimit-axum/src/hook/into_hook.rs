use std::marker::PhantomData;

use axum::http::request::Parts;
use axum::response::IntoResponse;
use fastlimit_core::Policy;

use super::{Answer, End, Hook, HookAnswer, HookValue};
use crate::key::Key;

/// What may be given to a method of [`RateLimitLayer`](crate::RateLimitLayer) that wants a `T`
/// of each request.
///
/// - A value, which is the same for every request.
/// - A function or closure that takes [`&Parts`](Parts), the request without its body, and
///   returns the value.
/// - One that returns a `Result` of the value: an error is the response, and the request is
///   neither charged nor served.
/// - One that returns a future of the value or of such a `Result`. The future owns what it
///   needs: take it from `Parts` first, then return an `async move` block. A look-up that
///   borrows across an await, or needs the state, is a [`Quota`](crate::Quota).
/// - For a key or a tenant: a ready-made [`Key`], such as a header or a cookie.
///
/// A function may also return an `Option`: `None` means that the request is not limited. Then no
/// store is asked and no header is written.
///
/// What counts as the value, [`HookValue`] says. `M` tells the forms apart; it is inferred. A
/// closure names the type of its argument, `|parts: &Parts| …`.
///
/// ```
/// use axum::http::{StatusCode, request::Parts};
/// use fastlimit::{Cost, MemoryStore, Policy, RateLimitLayer, RateLimiter};
///
/// fn api_key(parts: &Parts) -> Result<String, StatusCode> {
///     let key = parts.headers.get("x-api-key").and_then(|value| value.to_str().ok());
///     key.map(str::to_owned).ok_or(StatusCode::UNAUTHORIZED)
/// }
///
/// async fn tier(api_key: String) -> &'static str {
///     // A look-up in a database.
/// #   let _ = api_key;
///     "premium"
/// }
///
/// let limiter = RateLimiter::new(MemoryStore::new());
/// let layer = RateLimitLayer::new(limiter, Policy::new("data", "100/minute")?) // a value
///     .key(api_key) // a fallible function
///     .tenant(|parts: &Parts| {
///         // an async closure, fallible too
///         let api_key = api_key(parts);
///         async move { Ok::<_, StatusCode>(tier(api_key?).await) }
///     })
///     .cost(|parts: &Parts| match parts.uri.query() {
///         Some(_) => Cost::requests(2),
///         None => Cost::ONE,
///     });
/// # Ok::<(), fastlimit::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no `{T}` of a request",
    note = "pass a value, or a function or closure over `&Parts` that returns one, a `Result` of one, or an owned future of either",
    note = "a key or a tenant is `Into<String>`, an `Arc<str>` or an `IpAddr`; a cost is a `Cost`, such as `Cost::requests(10)`",
    note = "keys of `fastlimit_axum::key` serve as a key or a tenant; a type of your own does if it implements `Key`",
    note = "a closure names the type of its argument: `|parts: &Parts| ...`"
)]
pub trait IntoHook<T, M> {
    #[doc(hidden)]
    fn into_hook(self) -> Hook<T>;
}

/// What may be given as the policy of a [`RateLimitLayer`](crate::RateLimitLayer): a
/// [`Policy`], or a function that returns one, in the forms of [`IntoHook`].
///
/// A bare rate or a text is refused, since it has no name: two routes would share their
/// counters under the name `default`.
///
/// ```compile_fail,E0277
/// # use fastlimit::RateLimitLayer;
/// # fn f(limiter: fastlimit::RateLimiter) {
/// let layer = RateLimitLayer::new(limiter, "100/minute");
/// # }
/// ```
///
/// ```compile_fail,E0277
/// # use fastlimit::{Rate, RateLimitLayer, RateLimiter};
/// # fn f(limiter: RateLimiter, rate: Rate) {
/// let layer = RateLimitLayer::new(limiter, rate);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no policy of a route",
    label = "expected a `Policy`, or a function that returns one",
    note = "a policy has a name, which keeps its counters apart from those of other routes: `Policy::new(\"users\", \"100/minute\")?`",
    note = "a function takes `&Parts` and returns a `Policy`, a `Result` of one, or an owned future of either"
)]
pub trait IntoPolicyHook<M> {
    #[doc(hidden)]
    fn into_policy_hook(self) -> Hook<Policy>;
}

#[diagnostic::do_not_recommend]
impl<H: IntoHook<Policy, M>, M> IntoPolicyHook<M> for H {
    fn into_policy_hook(self) -> Hook<Policy> {
        self.into_hook()
    }
}

/// The value of every request.
#[derive(Debug)]
pub struct Fixed<M>(PhantomData<M>);
/// A function that returns a `V`.
#[derive(Debug)]
pub struct Plain<V, M>(PhantomData<(V, M)>);
/// A function that returns a `Result<V, E>`.
#[derive(Debug)]
pub struct Fallible<V, E, M>(PhantomData<(V, E, M)>);
/// A function that returns a future of a `V`.
#[derive(Debug)]
pub struct Async<F, V, M>(PhantomData<(F, V, M)>);
/// A function that returns a future of a `Result<V, E>`.
#[derive(Debug)]
pub struct AsyncFallible<F, V, E, M>(PhantomData<(F, V, E, M)>);
/// A key that asks the request itself.
#[derive(Debug)]
pub enum Keyed {}

fn ready<T, M>(value: impl HookAnswer<T, M>) -> Result<Answer<T>, End> {
    value.into_answer().map(Answer::Ready).ok_or(End::Exempt)
}

impl<T, V, M> IntoHook<T, Fixed<M>> for V
where
    T: Clone,
    V: HookValue<T, M>,
{
    fn into_hook(self) -> Hook<T> {
        Hook::fixed(self.into_value())
    }
}

impl<K: Key> IntoHook<String, Keyed> for K {
    fn into_hook(self) -> Hook<String> {
        Hook::function(move |parts| self.key(parts).map(Answer::Ready).map_err(End::Refused))
    }
}

impl<T, H, V, M> IntoHook<T, Plain<V, M>> for H
where
    T: Clone,
    H: Fn(&Parts) -> V + Send + Sync + 'static,
    V: HookAnswer<T, M>,
{
    fn into_hook(self) -> Hook<T> {
        Hook::function(move |parts| ready(self(parts)))
    }
}

impl<T, H, V, E, M> IntoHook<T, Fallible<V, E, M>> for H
where
    T: Clone,
    H: Fn(&Parts) -> Result<V, E> + Send + Sync + 'static,
    V: HookAnswer<T, M>,
    E: IntoResponse + 'static,
{
    fn into_hook(self) -> Hook<T> {
        Hook::function(move |parts| match self(parts) {
            Ok(value) => ready(value),
            Err(error) => Err(End::refused(error)),
        })
    }
}

impl<T, H, F, V, M> IntoHook<T, Async<F, V, M>> for H
where
    T: Clone,
    H: Fn(&Parts) -> F + Send + Sync + 'static,
    F: Future<Output = V> + Send + 'static,
    V: HookAnswer<T, M>,
{
    fn into_hook(self) -> Hook<T> {
        Hook::function(move |parts| {
            let future = self(parts);
            Ok(Answer::Pending(Box::pin(async move {
                future.await.into_answer().ok_or(End::Exempt)
            })))
        })
    }
}

impl<T, H, F, V, E, M> IntoHook<T, AsyncFallible<F, V, E, M>> for H
where
    T: Clone,
    H: Fn(&Parts) -> F + Send + Sync + 'static,
    F: Future<Output = Result<V, E>> + Send + 'static,
    V: HookAnswer<T, M>,
    E: IntoResponse + 'static,
{
    fn into_hook(self) -> Hook<T> {
        Hook::function(move |parts| {
            let future = self(parts);
            Ok(Answer::Pending(Box::pin(async move {
                match future.await {
                    Ok(value) => value.into_answer().ok_or(End::Exempt),
                    Err(error) => Err(End::refused(error)),
                }
            })))
        })
    }
}
