use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

#[cfg(feature = "tls-rustls")]
use super::tls_fault::TlsFault;

/// What others than its driver can know of a stream.
#[derive(Debug, Default)]
pub(super) struct StreamStatus {
    end: OnceLock<End>,
    ending: Notify,
    written: AtomicU64,
}

/// How a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// The other side closed it.
    Closed,
    /// It broke.
    Broken(Break),
    /// It was dropped on this side.
    Dropped,
}

/// How a stream broke. The error itself goes to the client.
#[derive(Debug)]
pub(super) struct Break {
    pub(super) kind: io::ErrorKind,
    pub(super) text: String,
    /// What TLS found.
    #[cfg(feature = "tls-rustls")]
    pub(super) fault: Option<TlsFault>,
}

impl End {
    /// The end by this error.
    pub(super) fn broken(error: &io::Error) -> Self {
        Self::Broken(Break {
            kind: error.kind(),
            text: error.to_string(),
            #[cfg(feature = "tls-rustls")]
            fault: TlsFault::of(error),
        })
    }
}

impl StreamStatus {
    /// Notes an end, if it is the first, and wakes those who wait for one.
    pub(super) fn end(&self, end: impl FnOnce() -> End) {
        if self.end.get().is_none() {
            // An error means that another end was noted first.
            let _ = self.end.set(end());
            self.ending.notify_waiters();
        }
    }

    /// Adds to the bytes that have gone to the system.
    pub(super) fn count_written(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.written.fetch_add(bytes, Ordering::AcqRel);
    }

    /// How the stream ended, if it has.
    pub(super) fn how_it_ended(&self) -> Option<&End> {
        self.end.get()
    }

    /// Whether the stream has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.end.get().is_some()
    }

    /// Waits until the stream has ended.
    pub(super) async fn ended(&self) {
        // Before looking, so that no end comes between the two unseen.
        let ending = self.ending.notified();
        if !self.has_ended() {
            ending.await;
        }
    }

    /// How many bytes have gone to the system.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn the_first_end_is_kept_and_wakes_all() {
        let status = StreamStatus::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = [pin!(status.ended()), pin!(status.ended())];
        for waiting in &mut waiting {
            assert!(waiting.as_mut().poll(&mut context).is_pending());
        }
        assert!(!status.has_ended());
        status.end(|| End::Closed);
        status.end(|| End::Dropped);
        assert!(matches!(status.how_it_ended(), Some(End::Closed)));
        for waiting in &mut waiting {
            assert!(waiting.as_mut().poll(&mut context).is_ready());
        }
        assert!(pin!(status.ended()).poll(&mut context).is_ready());
    }
}
