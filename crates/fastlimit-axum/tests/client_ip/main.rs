//! Who a request's client is: a table of requests, and laws that hold for any request.

#![allow(
    clippy::unwrap_used,
    reason = "what goes wrong in a test fails the test"
)]

mod configuration;
mod laws;
mod request;
mod table;
