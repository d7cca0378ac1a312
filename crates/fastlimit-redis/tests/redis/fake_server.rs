//! A server that answers what a test wants: for what a real one does only in bad luck.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the server does with one command.
pub(crate) enum Act {
    Reply(Vec<u8>),
    /// Writes the bytes, and closes the connection.
    ReplyAndClose(Vec<u8>),
}

pub(crate) struct FakeServer {
    pub(crate) addr: SocketAddr,
    scripts: Arc<AtomicUsize>,
}

impl FakeServer {
    /// Starts a server that greets as Redis does and treats each script as `act` says, which
    /// gets the number of the script.
    pub(crate) async fn start(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        Self::start_with(b"%1\r\n$5\r\nproto\r\n:3\r\n", act).await
    }

    pub(crate) async fn start_with(
        greeting: &'static [u8],
        act: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let scripts = Arc::new(AtomicUsize::new(0));
        let (counter, act) = (Arc::clone(&scripts), Arc::new(act));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (counter, act) = (Arc::clone(&counter), Arc::clone(&act));
                tokio::spawn(async move {
                    let mut buffer = Vec::new();
                    loop {
                        while let Some(command) = take_command(&mut buffer) {
                            let asks_what_there_is =
                                command[0] == b"EVAL" && command[1].starts_with(b"local ask");
                            let what = if asks_what_there_is {
                                Act::Reply(b":0\r\n".to_vec())
                            } else if command[0].starts_with(b"EVAL") {
                                act(counter.fetch_add(1, Ordering::SeqCst))
                            } else {
                                Act::Reply(greeting.to_vec())
                            };
                            let (Act::Reply(bytes) | Act::ReplyAndClose(bytes)) = &what;
                            if stream.write_all(bytes).await.is_err() {
                                return;
                            }
                            if matches!(what, Act::ReplyAndClose(_)) {
                                return;
                            }
                        }
                        match stream.read_buf(&mut buffer).await {
                            Ok(1..) => {}
                            _ => return,
                        }
                    }
                });
            }
        });
        Self { addr, scripts }
    }

    /// How many scripts came.
    pub(crate) fn scripts(&self) -> usize {
        self.scripts.load(Ordering::SeqCst)
    }
}

/// Takes a whole command out of the buffer: `*n`, then `n` times `$length` and the bytes.
fn take_command(buffer: &mut Vec<u8>) -> Option<Vec<Vec<u8>>> {
    let mut at = 0;
    let count = take_number(buffer, &mut at)?;
    let mut arguments = Vec::new();
    for _ in 0..count {
        let length = take_number(buffer, &mut at)?;
        arguments.push(buffer.get(at..at + length)?.to_vec());
        at += length + 2;
    }
    if at > buffer.len() {
        return None;
    }
    buffer.drain(..at);
    Some(arguments)
}

fn take_number(buffer: &[u8], at: &mut usize) -> Option<usize> {
    let line = buffer.get(*at..)?;
    let end = line.windows(2).position(|two| two == b"\r\n")?;
    *at += end + 2;
    std::str::from_utf8(line.get(1..end)?).ok()?.parse().ok()
}
