//! The store on a real Redis.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a function of a test is a failed test"
)]

mod arithmetic;
mod batches;
mod cancellation;
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
mod permissions;
mod replies;
mod rig;
mod round_trips;
mod runtimes;
mod script_flush;
mod secrets;
mod several_subjects;
mod unix_socket;
mod writes;
