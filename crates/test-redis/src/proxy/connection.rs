//! One connection through a proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::counters::Counters;
use super::fault::Fault;
use super::piece;
use super::requests::RequestCounter;
use super::setting::Gate;

/// How many bytes are read at a time.
const BUFFER: usize = 16 * 1024;

/// How many pieces of replies may be late at the same time.
const QUEUE: usize = 4096;

/// Why a connection is reset; that it is, is all that its client may know.
struct Cut;

impl From<io::Error> for Cut {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// What is on its way to the client.
enum Due {
    /// Bytes that pass at a time.
    Bytes(Instant, Vec<u8>),
    /// The end of the server's replies, at a time.
    End(Instant),
}

/// Connects a client to the server until one of them ends it.
pub(super) async fn serve(
    client: TcpStream,
    server: SocketAddr,
    gate: Gate,
    counters: Arc<Counters>,
) {
    let mut client = Accepted {
        stream: client,
        ended: false,
        counters: Arc::clone(&counters),
    };
    client.ended = join(&mut client.stream, server, gate, &counters)
        .await
        .is_ok();
}

/// A client's stream, which is reset when it is dropped before its end.
struct Accepted {
    stream: TcpStream,
    ended: bool,
    counters: Arc<Counters>,
}

impl Drop for Accepted {
    fn drop(&mut self) {
        if !self.ended {
            // Without it the client is told of an end where there is none.
            let _ = self.stream.set_zero_linger();
        }
        self.counters.close();
    }
}

async fn join(
    client: &mut TcpStream,
    server: SocketAddr,
    mut gate: Gate,
    counters: &Counters,
) -> Result<(), Cut> {
    client.set_nodelay(true)?;
    gate.open().await;
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = server.split();
    let (queue, due) = mpsc::channel(QUEUE);
    let requests = Requests {
        client: client_reads,
        server: server_writes,
        gate: gate.clone(),
        counters,
        counter: RequestCounter::default(),
        answers: queue.clone(),
        lost: false,
    };
    let replies = Replies {
        client: client_writes,
        gate: gate.clone(),
        due,
        lost: false,
        left: (u64::MAX, 0),
    };
    tokio::try_join!(
        requests.run(),
        read_replies(server_reads, gate, queue),
        replies.run(),
    )?;
    Ok(())
}

/// The way of the requests.
struct Requests<'a> {
    client: ReadHalf<'a>,
    server: WriteHalf<'a>,
    gate: Gate,
    counters: &'a Counters,
    counter: RequestCounter,
    /// Where the answers go that the proxy makes up.
    answers: mpsc::Sender<Due>,
    /// Whether a request did not pass.
    lost: bool,
}

impl Requests<'_> {
    async fn run(mut self) -> Result<(), Cut> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let (fault, _) = self.gate.open().await;
            if self.lost && !matches!(fault, Fault::Garbage(_)) {
                return Err(Cut);
            }
            let length = select! {
                biased;
                () = self.gate.changed() => continue,
                length = self.client.read(&mut buffer) => length?,
            };
            if length == 0 {
                self.server.shutdown().await?;
                return Ok(());
            }
            self.forward(buffer.get(..length).unwrap_or_default())
                .await?;
        }
    }

    async fn forward(&mut self, mut bytes: &[u8]) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let (fault, _) = self.gate.open().await;
            if let Fault::Garbage(garbage) = &fault {
                self.lost = true;
                for _ in 0..self.counter.feed(bytes) {
                    let answer = Due::Bytes(Instant::now(), garbage.clone());
                    self.answers.send(answer).await.map_err(|_| Cut)?;
                }
                return Ok(());
            }
            if self.lost {
                return Err(Cut);
            }
            let rest = piece::pass(&mut self.server, bytes, &fault).await?;
            let passed = bytes.len() - rest.len();
            let requests = self.counter.feed(bytes.get(..passed).unwrap_or_default());
            self.counters.pass(requests, passed);
            bytes = rest;
        }
        Ok(())
    }
}

/// Reads what the server answers and says when it is due.
async fn read_replies(
    mut server: ReadHalf<'_>,
    mut gate: Gate,
    queue: mpsc::Sender<Due>,
) -> Result<(), Cut> {
    let mut buffer = vec![0; BUFFER];
    loop {
        gate.open().await;
        let length = select! {
            biased;
            () = gate.changed() => continue,
            length = server.read(&mut buffer) => length?,
        };
        let late = match gate.open().await.0 {
            Fault::Delay(late) => late,
            _ => Duration::ZERO,
        };
        let due = Instant::now() + late;
        let bytes = buffer.get(..length).unwrap_or_default();
        let next = if bytes.is_empty() {
            Due::End(due)
        } else {
            Due::Bytes(due, bytes.to_vec())
        };
        queue.send(next).await.map_err(|_| Cut)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// The way of the replies, from when they are read.
struct Replies<'a> {
    client: WriteHalf<'a>,
    gate: Gate,
    due: mpsc::Receiver<Due>,
    /// Whether a reply did not pass.
    lost: bool,
    /// The number of the fault that resets, and how many bytes may pass before.
    left: (u64, usize),
}

impl Replies<'_> {
    async fn run(mut self) -> Result<(), Cut> {
        loop {
            let (fault, _) = self.gate.open().await;
            if self.lost && fault != Fault::DropReplies {
                return Err(Cut);
            }
            let due = select! {
                biased;
                () = self.gate.changed() => continue,
                due = self.due.recv() => due,
            };
            match due {
                Some(Due::Bytes(due, bytes)) => {
                    sleep_until(due).await;
                    self.deliver(&bytes).await?;
                }
                Some(Due::End(due)) => {
                    sleep_until(due).await;
                    self.gate.open().await;
                    self.client.shutdown().await?;
                    return Ok(());
                }
                None => return Err(Cut),
            }
        }
    }

    async fn deliver(&mut self, mut bytes: &[u8]) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let (fault, number) = self.gate.open().await;
            match fault {
                Fault::DropReplies => {
                    self.lost = true;
                    return Ok(());
                }
                _ if self.lost => return Err(Cut),
                Fault::ResetAfter(after) => {
                    if self.left.0 != number {
                        self.left = (number, after);
                    }
                    let left = self.left.1;
                    let last = bytes.get(..left);
                    self.client.write_all(last.unwrap_or(bytes)).await?;
                    if last.is_some() {
                        return Err(Cut);
                    }
                    self.left.1 = left.saturating_sub(bytes.len());
                    return Ok(());
                }
                fault => bytes = piece::pass(&mut self.client, bytes, &fault).await?,
            }
        }
        Ok(())
    }
}
