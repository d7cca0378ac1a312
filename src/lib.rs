#![doc = include_str!("../README.md")]

pub use fastlimit_core::*;

#[cfg(feature = "axum")]
pub use fastlimit_axum::*;
#[cfg(feature = "memory")]
pub use fastlimit_memory::*;
#[cfg(feature = "redis")]
pub use fastlimit_redis::{ConnectError, RedisStore, RedisStoreBuilder};
