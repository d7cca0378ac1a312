//! A proxy between a client and a server, which does what networks do at their worst.

mod acceptor;
mod connection;
mod counters;
mod fault;
mod piece;
mod requests;
mod setting;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::acceptor::{Acceptor, Order};
use self::counters::Counters;
pub use self::fault::Fault;
use crate::{Error, port};

/// How many ports are tried.
const ATTEMPTS: usize = 5;

/// A TCP proxy in front of one server, whose faults a test sets while it runs.
///
/// It runs in a thread of its own, so that it can be used from synchronous code and inside any
/// runtime. It ends on drop, and resets its connections.
pub struct FaultProxy {
    addr: SocketAddr,
    url: String,
    counters: Arc<Counters>,
    /// `None` only while it is dropped.
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts a proxy on a free loopback port, through which all passes.
    ///
    /// The server need not be there: a connection is reset while it is not.
    ///
    /// # Errors
    ///
    /// Fails when there is no free port.
    pub fn start(server: SocketAddr) -> Result<Self, Error> {
        Self::begin(server).map_err(|error| Error::Proxy(error.to_string()))
    }

    fn begin(server: SocketAddr) -> io::Result<Self> {
        let listener = listen()?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let counters = Arc::new(Counters::default());
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let acceptor = {
            let _inside = runtime.enter();
            Acceptor::new(listener, server, Arc::clone(&counters))?
        };
        let (orders, received) = unbounded_channel();
        let thread = thread::Builder::new()
            .name("fault-proxy".to_owned())
            .spawn(move || runtime.block_on(acceptor.run(received)))?;
        Ok(Self {
            addr,
            url: format!("redis://{addr}/"),
            counters,
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Returns the address on which the proxy listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the URL for clients, such as `redis://127.0.0.1:20123/`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets a fault in the place of the one before, for the connections that exist and for new
    /// ones.
    ///
    /// It holds for all bytes that are sent after this returns.
    ///
    /// # Errors
    ///
    /// Fails when the proxy cannot listen again after [`Fault::Refuse`].
    pub fn set(&self, fault: Fault) -> Result<(), Error> {
        self.order(|done| Order::Set(fault, done))?
            .map_err(|error| Error::Proxy(error.to_string()))
    }

    /// Resets all connections.
    ///
    /// # Errors
    ///
    /// Fails when the proxy has ended.
    pub fn close_all(&self) -> Result<(), Error> {
        self.order(Order::CloseAll)
    }

    /// Returns how many connections were accepted since the start.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.counters.opened()
    }

    /// Returns how many connections are there at the moment.
    #[must_use]
    pub fn connections_live(&self) -> u64 {
        self.counters.live()
    }

    /// Returns how many whole requests have passed to the server since the start.
    ///
    /// It means nothing where the requests are encrypted.
    #[must_use]
    pub fn requests_forwarded(&self) -> u64 {
        self.counters.requests()
    }

    /// Returns how many bytes of requests have passed to the server since the start.
    #[must_use]
    pub fn request_bytes_forwarded(&self) -> u64 {
        self.counters.request_bytes()
    }

    /// Gives an order and waits until it is done.
    fn order<T>(&self, order: impl FnOnce(mpsc::Sender<T>) -> Order) -> Result<T, Error> {
        let (done, waits) = mpsc::channel();
        if let Some(orders) = &self.orders {
            // A proxy that has ended drops the order, which the next line sees.
            let _ = orders.send(order(done));
        }
        waits
            .recv()
            .map_err(|_| Error::Proxy("it has ended".to_owned()))
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// Listens on a port that no client is given, as it must be refused while nobody listens.
fn listen() -> io::Result<TcpListener> {
    let mut result = Err(io::Error::other("there is no free port"));
    for _ in 0..ATTEMPTS {
        let Some(port) = port::free() else { break };
        result = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        if result.is_ok() {
            break;
        }
    }
    result
}
