//! The warning that a proxy is not trusted, which otherwise nobody notices: its clients share one
//! counter, and every test passes.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;

use super::trusted_proxies::is_private;

const HEADERS: [&str; 6] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "fly-client-ip",
];

static TOLD: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Requests of this thread, from 0 again after 255. Those at 0 are looked at, the first among
    /// them, since the look-ups take as long as a check.
    static REQUESTS: Cell<u8> = const { Cell::new(0) };
}

/// A private peer that is not trusted and tells of clients.
#[derive(Debug)]
pub(crate) struct Proxy {
    peer: IpAddr,
    header: &'static str,
}

impl Proxy {
    /// Looks whether one seems to stand in front of a request: of few requests, and of none once
    /// one was told of.
    #[inline]
    pub(super) fn behind(peer: IpAddr, headers: &HeaderMap) -> Option<Self> {
        if TOLD.load(Ordering::Relaxed) {
            return None;
        }
        let request = REQUESTS.with(|requests| requests.replace(requests.get().wrapping_add(1)));
        match request {
            0 => Self::look(peer, headers),
            _ => None,
        }
    }

    #[cold]
    #[inline(never)]
    fn look(peer: IpAddr, headers: &HeaderMap) -> Option<Self> {
        let mut names = HEADERS.into_iter();
        let header = names.find(|name| headers.contains_key(*name))?;
        is_private(peer).then_some(Self { peer, header })
    }

    /// Warns, once in a process.
    #[cold]
    pub(crate) fn tell(&self) {
        let Self { peer, header } = self;
        if !TOLD.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                header,
                "a peer in a private network sends a header that tells of clients, and is not \
                 trusted: all clients behind it share one counter. If it is your proxy, give the \
                 limit the key `ClientIp::behind(TrustedProxies::private())`, or name your proxies \
                 otherwise"
            );
        }
    }
}
