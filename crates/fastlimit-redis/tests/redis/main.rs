//! The store on a real Redis.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a function of a test is a failed test"
)]

mod arithmetic;
mod batches;
mod cancellation;
mod cluster;
mod exactness;
mod fake_server;
mod foreign_data;
mod histories;
mod in_place;
mod keys;
mod lifetimes;
mod model;
mod msetex;
mod outage;
mod overload;
mod permissions;
mod reconnecting;
mod replies;
mod rig;
mod round_trips;
mod runtimes;
mod script_flush;
mod secrets;
mod sentinel;
mod several_subjects;
#[cfg(feature = "tls-rustls")]
mod tls;
mod unix_socket;
mod writes;
