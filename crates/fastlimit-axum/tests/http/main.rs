//! Limits as a client sees them: real requests through a socket to a real server, a memory
//! store, and a clock that stands still until it is told to move.

#![allow(
    clippy::unwrap_used,
    reason = "what goes wrong in a test fails the test"
)]

mod attachment;
mod client_address;
mod coming_back;
mod concurrency;
mod denial_bodies;
mod dry_run;
mod exempt;
mod extractor;
mod failures;
mod grpc;
mod header_families;
mod headers;
mod hooks;
mod keys;
mod look_up;
mod nesting;
mod rejections;
mod settling;
mod subjects;
mod support;
mod tower;
