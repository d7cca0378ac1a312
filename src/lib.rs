#![doc = include_str!("front_page.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use fastlimit_core::*;

#[cfg(feature = "axum")]
pub use fastlimit_axum::*;
#[cfg(feature = "memory")]
pub use fastlimit_memory::*;
#[cfg(feature = "redis")]
pub use fastlimit_redis::{ConnectError, ConnectStage, RedisStore, RedisStoreBuilder};

/// Recipes: what an everyday service needs, one page and one snippet each.
#[cfg(all(feature = "axum", feature = "memory", feature = "redis"))]
pub mod recipes;
