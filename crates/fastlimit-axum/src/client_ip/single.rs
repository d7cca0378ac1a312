use std::iter;
use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};

use super::node;

/// The one sender of a header with one address; `None` if it comes twice, since then nobody knows
/// which of them the proxy wrote.
pub(super) fn sender(
    headers: &HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = Option<IpAddr>> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next().filter(|_| lines.next().is_none());
    iter::once(line.and_then(|line| node::parse_bare(line.as_bytes())))
}
