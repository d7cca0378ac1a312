//! Attempts to connect to real servers, and to some that no real server would be.

mod ends;
mod logins;
mod not_ready;
mod rig;
mod rights;
mod silence;
mod targets;
#[cfg(feature = "tls-rustls")]
mod tls;
