use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request};
use fastlimit_axum::key::Key;

/// Returns a request of a peer, with header lines in their order.
pub(crate) fn request<V: AsRef<[u8]>>(peer: &str, lines: &[(&str, V)]) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
    parts.extensions.insert(ConnectInfo(peer));
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        parts.headers.append(name, value);
    }
    parts
}

pub(crate) fn key_of(client: &impl Key, parts: &Parts) -> String {
    client.key(parts).unwrap()
}
