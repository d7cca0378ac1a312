//! Limits as a client sees them: real requests through a socket to a real server, a memory
//! store, and a clock that stands still until it is told to move.

#![allow(
    clippy::unwrap_used,
    reason = "what goes wrong in a test fails the test"
)]

mod attachment;
mod client_address;
mod concurrency;
mod extractor;
mod failures;
mod headers;
mod hooks;
mod nesting;
mod rejections;
mod support;
mod tower;
