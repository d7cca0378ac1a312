use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread of a store, which drives its connections whatever becomes of the runtimes of those who
/// ask. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Thread {
    runtime: Handle,
    // Dropped, it tells the thread to end.
    _stop: oneshot::Sender<()>,
}

impl Thread {
    pub(crate) fn start() -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (started, runtime) = std::sync::mpsc::sync_channel(1);
        // The runtime is made where it may be dropped: not inside that of who connects.
        let run = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            let handle = runtime.handle().clone();
            if started.send(Ok(handle)).is_ok() {
                // Its end is an error, since nothing is ever sent.
                let _ = runtime.block_on(stopped);
            }
            // A look-up that hangs is not waited for.
            runtime.shutdown_background();
        };
        thread::Builder::new()
            .name("fastlimit-redis".to_owned())
            .spawn(run)?;
        let runtime = runtime
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended")))?;
        Ok(Self {
            runtime,
            _stop: stop,
        })
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}
