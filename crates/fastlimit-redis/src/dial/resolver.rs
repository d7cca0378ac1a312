use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use redis::{RedisError, RedisResult};
use tokio::sync::watch;

/// How the addresses of a host's name and a port are found.
type LookUp = dyn Fn(String, u16) -> LookingUp + Send + Sync;

/// A look-up that has begun.
type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The outcome of a look-up, `None` as long as it is under way.
type Outcome = watch::Receiver<Option<RedisResult<Vec<SocketAddr>>>>;

/// Finds the addresses of one host.
///
/// The system offers no way to give up a look-up, which holds a thread as long as it takes.
/// Therefore there is no second one while one is under way, even if nobody waits for it any more.
pub(super) struct Resolver {
    look_up: Box<LookUp>,
    under_way: Mutex<Option<Outcome>>,
}

impl Resolver {
    /// Asks the system.
    pub(super) fn new() -> Self {
        Self::with_look_up(|host, port| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        })
    }

    /// Asks whom it is given.
    fn with_look_up(look_up: impl Fn(String, u16) -> LookingUp + Send + Sync + 'static) -> Self {
        Self {
            look_up: Box::new(look_up),
            under_way: Mutex::new(None),
        }
    }

    /// Finds the addresses of the host, at best by a look-up that is under way.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> RedisResult<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let mut outcome = self.outcome(host, port);
        let outcome = outcome.wait_for(Option::is_some).await;
        match outcome.as_deref() {
            Ok(Some(result)) => result.clone(),
            // The runtime is shutting down.
            Ok(None) | Err(_) => Err(RedisError::from(io::Error::other(
                "the look-up of the host's name was given up",
            ))),
        }
    }

    /// The outcome of the look-up that is under way, or of a new one.
    fn outcome(&self, host: &str, port: u16) -> Outcome {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = &*under_way
            && outcome.borrow().is_none()
            && outcome.has_changed().is_ok()
        {
            return outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        let look_up = (self.look_up)(host.to_owned(), port);
        tokio::spawn(async move {
            let result = look_up.await.map_err(RedisError::from);
            // An error means that nobody waits.
            let _ = sender.send(Some(result));
        });
        *under_way = Some(outcome.clone());
        outcome
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    /// A resolver whose look-ups take as long as there are no permits, and their number.
    fn slow() -> (Arc<Resolver>, Arc<Semaphore>, Arc<AtomicUsize>) {
        let (permits, count) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (gate, counter) = (Arc::clone(&permits), Arc::clone(&count));
        let resolver = Resolver::with_look_up(move |_, port| {
            counter.fetch_add(1, Ordering::AcqRel);
            let gate = Arc::clone(&gate);
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                match port {
                    0 => Err(io::Error::other("no such host")),
                    port => Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]),
                }
            })
        });
        (Arc::new(resolver), permits, count)
    }

    #[tokio::test]
    async fn one_look_up_at_a_time_serves_all_attempts() {
        let (resolver, permits, count) = slow();
        for _ in 0..20 {
            let attempt = resolver.resolve("host", 7);
            assert!(timeout(Duration::from_millis(1), attempt).await.is_err());
        }
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let resolver = Arc::clone(&resolver);
                tokio::spawn(async move { resolver.resolve("host", 7).await })
            })
            .collect();
        tokio::task::yield_now().await;
        permits.add_permits(1);
        for waiting in waiting {
            let addresses = waiting.await.unwrap().unwrap();
            assert_eq!(addresses, [SocketAddr::from(([127, 0, 0, 1], 7))]);
        }
        assert_eq!(count.load(Ordering::Acquire), 1);
        // What is known from then may be wrong by now.
        permits.add_permits(1);
        resolver.resolve("host", 7).await.unwrap();
        assert_eq!(count.load(Ordering::Acquire), 2);
    }

    #[tokio::test]
    async fn a_failed_look_up_is_told_and_not_kept() {
        let (resolver, permits, count) = slow();
        permits.add_permits(2);
        for _ in 0..2 {
            let error = resolver.resolve("host", 0).await.unwrap_err();
            assert!(error.to_string().contains("no such host"), "{error}");
        }
        assert_eq!(count.load(Ordering::Acquire), 2);
    }

    #[tokio::test]
    async fn an_address_needs_no_look_up() {
        let (resolver, _, count) = slow();
        let addresses = resolver.resolve("::1", 7).await.unwrap();
        assert_eq!(addresses, ["[::1]:7".parse().unwrap()]);
        assert_eq!(count.load(Ordering::Acquire), 0);
    }
}
