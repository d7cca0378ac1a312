//! Measures FastLimit beside its peers: the same keys, in one run, in turns. The method and the
//! figures of one run are in `BENCHMARKS.md` of the repository.

pub mod footprint;
pub mod http;
pub mod instructions;
mod keys;
pub mod memory;
mod quota;
pub mod redis_load;
mod table;
pub mod turns;

/// What ends a run.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;
