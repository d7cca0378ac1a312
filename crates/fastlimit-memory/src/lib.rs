//! The memory store of FastLimit: for tests, and for services on a single node.
//!
//! [`MemoryStore`] keeps the state of every subject in this process, in a sharded map. It is
//! exact under threads and answers at once, without a boxed future.
//!
//! # Memory
//!
//! State that is as good as absent is dropped in passing: each call looks at a few entries at
//! the most, and there is no thread for it. A maximum number of subjects can be set besides
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
