use std::net::IpAddr;
use std::sync::Arc;

use fastlimit_core::{Cost, Policy};

use crate::ClientIp;

/// What may be given where a layer or a quota wants a `T`.
///
/// - For a policy: a [`Policy`] or a `&Policy`.
/// - For a cost: a [`Cost`].
/// - For a key or a tenant, which are texts: whatever is `Into<String>`, an `Arc<str>`, and an
///   [`IpAddr`], which becomes a [`ClientIp`].
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
        ClientIp::from(self).into()
    }
}
