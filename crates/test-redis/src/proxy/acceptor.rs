//! What accepts a proxy's connections and does what it is told.

use std::future::{pending, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use super::connection::serve;
use super::counters::Counters;
use super::fault::Fault;
use super::setting::{Gate, Setting};

/// How often a port is asked for that a listener has given back.
const ATTEMPTS: usize = 200;

/// What a proxy is told to do, with where to tell that it is done.
pub(super) enum Order {
    /// To set a fault.
    Set(Fault, mpsc::Sender<io::Result<()>>),
    /// To reset all connections.
    CloseAll(mpsc::Sender<()>),
}

/// The part of a proxy that runs in its own thread.
pub(super) struct Acceptor {
    /// `None` while connections are refused.
    listener: Option<TcpListener>,
    addr: SocketAddr,
    server: SocketAddr,
    setting: watch::Sender<Arc<Setting>>,
    counters: Arc<Counters>,
    connections: JoinSet<()>,
}

impl Acceptor {
    /// Takes over a listener that does not block.
    pub(super) fn new(
        listener: std::net::TcpListener,
        server: SocketAddr,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        Ok(Self {
            addr: listener.local_addr()?,
            listener: Some(TcpListener::from_std(listener)?),
            server,
            setting: watch::Sender::new(Arc::new(Setting::first())),
            counters,
            connections: JoinSet::new(),
        })
    }

    /// Accepts connections and obeys, until nobody is left to give orders.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        loop {
            select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => break,
                },
                accepted = accept(self.listener.as_ref()) => self.take(accepted).await,
                Some(_) = self.connections.join_next() => {}
            }
        }
        self.connections.shutdown().await;
    }

    async fn obey(&mut self, order: Order) {
        self.take_all_that_wait().await;
        match order {
            Order::Set(fault, done) => {
                let set = self.set(fault).await;
                let _ = done.send(set);
            }
            Order::CloseAll(done) => {
                self.connections.shutdown().await;
                let _ = done.send(());
            }
        }
    }

    /// Accepts the clients that were there before an order, so that it holds for them.
    async fn take_all_that_wait(&mut self) {
        // The runtime looks who is there.
        yield_now().await;
        loop {
            let accepted = select! {
                biased;
                accepted = accept(self.listener.as_ref()) => accepted,
                () = ready(()) => return,
            };
            if accepted.is_err() {
                return;
            }
            self.take(accepted).await;
        }
    }

    async fn set(&mut self, fault: Fault) -> io::Result<()> {
        if fault == Fault::Refuse {
            self.listener = None;
        } else if self.listener.is_none() {
            self.listener = Some(listen(self.addr).await?);
        }
        let opened = self.counters.opened();
        self.setting
            .send_modify(|setting| *setting = Arc::new(setting.next(fault, opened)));
        Ok(())
    }

    async fn take(&mut self, accepted: io::Result<TcpStream>) {
        let Ok(client) = accepted else {
            // Such as too many open files; the next attempt may do better.
            sleep(Duration::from_millis(10)).await;
            return;
        };
        let gate = Gate::new(self.setting.subscribe(), self.counters.open());
        let counters = Arc::clone(&self.counters);
        self.connections
            .spawn(serve(client, self.server, gate, counters));
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(client, _)| client),
        None => pending().await,
    }
}

/// Listens again on a port that somebody may have borrowed in the meantime.
async fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let mut result = TcpListener::bind(addr).await;
    for _ in 0..ATTEMPTS {
        if result.is_ok() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
        result = TcpListener::bind(addr).await;
    }
    result
}
