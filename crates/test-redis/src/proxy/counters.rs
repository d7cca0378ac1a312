//! What a proxy counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of a proxy since its start.
#[derive(Default)]
pub(super) struct Counters {
    opened: AtomicU64,
    closed: AtomicU64,
    requests: AtomicU64,
    request_bytes: AtomicU64,
}

impl Counters {
    /// Counts a connection that is accepted, and returns how many were before.
    pub(super) fn open(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::SeqCst)
    }

    /// Counts a connection that is gone.
    pub(super) fn close(&self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts what has passed to the server.
    pub(super) fn pass(&self, requests: u64, bytes: usize) {
        self.requests.fetch_add(requests, Ordering::SeqCst);
        self.request_bytes.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    /// Returns how many connections were accepted.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }

    /// Returns how many connections are there.
    pub(super) fn live(&self) -> u64 {
        // In this order, a connection that comes in between is not counted as less than none.
        let closed = self.closed.load(Ordering::SeqCst);
        self.opened().saturating_sub(closed)
    }

    /// Returns how many whole requests have passed.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Returns how many bytes of requests have passed.
    pub(super) fn request_bytes(&self) -> u64 {
        self.request_bytes.load(Ordering::SeqCst)
    }
}
