//! One attempt to connect to one server: from a URL to a connection that has logged in, to a
//! server that is what it should be.
//!
//! An attempt ends within the connect timeout, whatever hangs. It runs inside the runtime that
//! drives the connections.

mod attempt;
mod connection;
mod dialer;
pub(crate) mod endpoint;
mod eviction;
mod greeting;
mod handshake;
mod open;
mod probe;
mod progress;
mod refusal;
mod resolver;
mod settings;
mod status;
mod step;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls-rustls")]
mod tls;
#[cfg(feature = "tls-rustls")]
mod tls_fault;
mod wanted;

pub(crate) use connection::Connection;
pub(crate) use dialer::Dialer;
pub(crate) use endpoint::Endpoint;
pub(crate) use handshake::is_client_name;
pub(crate) use settings::DialSettings;
#[cfg(feature = "tls-rustls")]
pub(crate) use tls::Tls;
pub(crate) use wanted::Wanted;
