//! The layer under protocols that are more than a request and its answer, and around routers of
//! every shape: real servers, and the clients that people have for them.

#![allow(
    clippy::unwrap_used,
    reason = "what goes wrong in a test fails the test"
)]

mod exempt;
mod grpc;
mod http2;
mod outcome;
mod preflights;
mod routing;
mod same_layer_twice;
mod server_sent_events;
mod websocket;

#[path = "../http/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the tests of plain HTTP use the rest of it"
)]
mod support;
