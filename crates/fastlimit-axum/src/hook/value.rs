use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use fastlimit_core::{Cost, Policy};

use crate::{ClientAddress, QuotaRequest};

/// What may be given where a layer or a quota wants a `T`.
///
/// - For a policy: a [`Policy`] or a `&Policy`.
/// - For a cost: a [`Cost`].
/// - For all of these at once: a [`QuotaRequest`].
/// - For a key or a tenant, which are texts: whatever is `Into<String>`, an `Arc<str>`, and an
///   [`IpAddr`], which becomes a [`ClientAddress`].
///
/// `M` tells these apart; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as a `{T}` of a rate limit",
    note = "a key or a tenant is `Into<String>`, an `Arc<str>` or an `IpAddr`; a cost is a `Cost`, such as `Cost::requests(10)`",
    note = "a policy has a name, which keeps its counters apart from those of other routes: `Policy::new(\"users\", \"100/minute\")?`"
)]
pub trait HookValue<T, M> {
    #[doc(hidden)]
    fn into_value(self) -> T;
}

/// What a function may return where a layer wants a `T`: a [`HookValue`], or an `Option` of one,
/// whose `None` means that the request is not limited.
///
/// `M` tells the two apart; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as a `{T}` of a rate limit",
    note = "a function returns a value, an `Option` of one, a `Result` of either, or an owned future of any of these",
    note = "a key or a tenant is `Into<String>`, an `Arc<str>` or an `IpAddr`; a cost is a `Cost`, such as `Cost::requests(10)`",
    note = "a policy has a name, which keeps its counters apart from those of other routes: `Policy::new(\"users\", \"100/minute\")?`"
)]
pub trait HookAnswer<T, M> {
    #[doc(hidden)]
    fn into_answer(self) -> Option<T>;
}

/// A value.
#[derive(Debug)]
pub struct Always<M>(PhantomData<M>);
/// A value or none.
#[derive(Debug)]
pub struct Maybe<M>(PhantomData<M>);

impl<T, V: HookValue<T, M>, M> HookAnswer<T, Always<M>> for V {
    fn into_answer(self) -> Option<T> {
        Some(self.into_value())
    }
}

impl<T, V: HookValue<T, M>, M> HookAnswer<T, Maybe<M>> for Option<V> {
    fn into_answer(self) -> Option<T> {
        self.map(HookValue::into_value)
    }
}

/// The value itself.
#[derive(Debug)]
pub enum Itself {}
/// By way of `Into<String>`.
#[derive(Debug)]
pub enum ByString {}
/// A shared text.
#[derive(Debug)]
pub enum Shared {}
/// An address.
#[derive(Debug)]
pub enum Address {}

impl HookValue<Policy, Itself> for Policy {
    fn into_value(self) -> Policy {
        self
    }
}

impl HookValue<Policy, Itself> for &Policy {
    fn into_value(self) -> Policy {
        self.clone()
    }
}

impl HookValue<Cost, Itself> for Cost {
    fn into_value(self) -> Cost {
        self
    }
}

impl HookValue<QuotaRequest, Itself> for QuotaRequest {
    fn into_value(self) -> QuotaRequest {
        self
    }
}

impl<V: Into<String>> HookValue<String, ByString> for V {
    fn into_value(self) -> String {
        self.into()
    }
}

impl HookValue<String, Shared> for Arc<str> {
    fn into_value(self) -> String {
        self.as_ref().to_owned()
    }
}

impl HookValue<String, Address> for IpAddr {
    fn into_value(self) -> String {
        ClientAddress::from(self).into()
    }
}
