use tokio::sync::watch;

use crate::ConnectError;

/// What came of the first attempt to connect, for who waits for it.
#[derive(Debug)]
pub(crate) struct First(watch::Sender<Option<Result<(), ConnectError>>>);

impl First {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Tells what came of an attempt, if it is the first.
    pub(crate) fn tell(&self, result: Result<(), ConnectError>) {
        self.0.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(result);
            }
            is_first
        });
    }

    /// Waits until it is told.
    pub(crate) async fn told(&self) -> Result<(), ConnectError> {
        let mut first = self.0.subscribe();
        match first.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Ok(())),
            // The sender lives as long as this.
            Err(_) => Ok(()),
        }
    }
}
