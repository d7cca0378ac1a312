//! What a proxy does wrong.

use std::time::Duration;

/// What a [`FaultProxy`](crate::FaultProxy) does to its connections.
///
/// No stream of bytes ever has a hole in it, as TCP allows none: a connection that has lost a
/// request or a reply is reset as soon as it would pass bytes on again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Everything passes.
    Pass,
    /// Each reply comes so much later. Replies are late side by side, so that many requests on
    /// the way at the same time are answered as fast as ever, and each of them late.
    Delay(Duration),
    /// Nothing passes in either direction; connections are accepted. What was held back passes
    /// when the fault is over.
    BlackHole,
    /// Requests pass and replies do not.
    DropReplies,
    /// Each connection is reset after so many bytes of replies, counted from when the fault was
    /// set. With 0 it is reset when the first byte comes: the request was executed all the same.
    ResetAfter(usize),
    /// New connections are refused; those that exist pass.
    Refuse,
    /// Each request is answered with these bytes, and does not pass.
    Garbage(Vec<u8>),
    /// So few bytes pass in each second, on each connection and in each direction. Zero counts
    /// as one.
    Throttle {
        /// How many bytes pass in a second.
        bytes_per_second: u64,
    },
    /// Nothing passes on the connections that exist when the fault is set; new ones pass.
    HoleExisting,
}
