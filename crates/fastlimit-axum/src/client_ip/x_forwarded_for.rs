use std::net::IpAddr;

use axum::http::HeaderMap;

use super::node;

/// The senders of `X-Forwarded-For`, the nearest first; `None` for an entry that is no address.
///
/// An empty entry is no address either: a proxy that adds one hides who sent to it.
pub(super) fn senders(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    lines
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(node::parse_bare)
}
