//! Keeps the last lines that a server prints.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How many lines are kept.
const KEPT: usize = 40;

/// What a server prints when it listens: Redis and Valkey the first, a sentinel the second.
const READY: [&str; 2] = ["eady to accept connections", "Sentinel ID is"];

/// The last lines of a stream, read by a thread of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Lines>);

#[derive(Debug, Default)]
struct Lines {
    last: Mutex<VecDeque<String>>,
    accepts: AtomicBool,
    ended: AtomicBool,
}

impl Log {
    /// Reads a stream until its end.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let lines = Arc::clone(&log.0);
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(stream.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
            lines.ended.store(true, Ordering::Release);
        });
        log
    }

    /// Whether the server has said that it accepts connections.
    ///
    /// An answer to `PING` alone may come from a stranger that took the port first.
    pub(crate) fn accepts(&self) -> bool {
        self.0.accepts.load(Ordering::Acquire)
    }

    /// Whether the stream has ended, which means that the server has.
    pub(crate) fn ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// Returns the last lines.
    pub(crate) fn tail(&self) -> String {
        let last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

impl Lines {
    fn push(&self, line: String) {
        if READY.iter().any(|ready| line.contains(ready)) {
            self.accepts.store(true, Ordering::Release);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let log = Log::of(std::io::Cursor::new(text));
        while !log.ended() {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(log.tail().starts_with("line 60\n"));
        assert!(log.tail().ends_with("line 99"));
        assert!(!log.accepts());
    }
}
