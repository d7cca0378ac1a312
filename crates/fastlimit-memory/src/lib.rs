//! The memory store of FastLimit: for tests, and for services on a single node.
//!
//! [`MemoryStore`] keeps the state of every subject in this process, in a sharded map. It is
//! exact under threads and answers at once, without a boxed future.
//!
//! # Time
//!
//! Without a clock of yours the store reads the system's time, and on Linux the time of the
//! kernel's last tick, 1 to 10 ms ago, for checks whose periods are all a second or longer. A
//! denial that is about to end is decided by the precise time, so that whoever waits for as long
//! as it says is not denied. With `.clock(SystemClock)` all is decided by the precise time.
//!
//! # Memory
//!
//! A subject takes a cache line and what finds it, 70 to 80 bytes, if its identifier has no more
//! than 22 bytes and its policy is one fixed window; 40 bytes more for each limit otherwise.
//!
//! State that is as good as absent is dropped in passing: each call looks at a few entries at
//! the most, and there is no thread for it. Its place is used again and not given back to the
//! system. A maximum number of subjects can be set besides
//! ([`MemoryStoreBuilder::max_subjects`]), for services that anybody can send fresh identifiers
//! to. Reaching it never lets a subject through that is denied now:
//!
//! - A subject with less than one request left in any of its limits is protected.
//! - To make room for a new subject, a few others are sampled, and the first to go is one that
//!   has expired, else the one among the unprotected that has used least.
//! - Where all of the sample is protected, new subjects of a policy share one overflow entry
//!   until there is room: together they have what one subject has.

mod builder;
mod coarse;
mod index;
mod lock;
mod name;
mod overflow;
mod same_bytes;
mod scope;
mod shard;
mod slab;
mod store;
mod table;
mod time;

pub use builder::MemoryStoreBuilder;
pub use store::MemoryStore;
