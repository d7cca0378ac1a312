//! The memory store of FastLimit: for tests, and for services on a single node.
//!
//! [`MemoryStore`] keeps the state of every subject in this process, in a
//! [`DashMap`](dashmap::DashMap). It is exact under threads and answers at once.
//!
//! # Subjects
//!
//! A subject is known by 128 bits, SipHash-1-3 of its key under a secret that each store draws:
//! its identifier is not kept. Among a billion subjects the probability that any two share their
//! state is below 2^-60, and without the secret nobody can aim at it.
//!
//! # Time
//!
//! Without a clock of yours the store reads the system's time, and on Linux the time of the
//! kernel's last tick, 1 to 10 ms ago, for checks whose periods are all a second or longer. A
//! sliding log, and a denial that is about to end, get the precise time, so that whoever waits for
//! as long as it says is not denied. With `.clock(SystemClock)` everything does.
//!
//! # Memory
//!
//! A subject under one limit takes 75 to 125 bytes, whatever the length of its identifier.
//!
//! State that is as good as absent is dropped in passing: some calls look at a few subjects. A
//! maximum number of subjects can be set besides ([`MemoryStoreBuilder::max_subjects`]), for
//! services that anybody can send fresh identifiers to. It never lets a denied subject through:
//!
//! - A subject with less than one request left in any of its limits is protected.
//! - To make room for a new subject, a few others are sampled: one that has expired goes first,
//!   else the one among the unprotected that has used least.
//! - Where all of the sample is protected, new subjects of a policy share one overflow entry
//!   until there is room: together they have what one subject has.

mod builder;
mod coarse;
mod fingerprint;
mod overflow;
mod rings;
mod store;
mod table;
mod time;

pub use builder::MemoryStoreBuilder;
pub use store::MemoryStore;
