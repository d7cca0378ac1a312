//! The laws, by theme.
//!
//! Each is a plain function, so that it can be tried alone; the
//! [macro](crate::conformance_tests) makes each of them a test.

pub mod admission;
pub mod concurrency;
pub mod expiry;
pub mod giving_back;
pub mod history;
pub mod independence;
pub mod limits_changed;
pub mod operations;
pub mod retry_after;
pub mod several_limits;
pub mod sliding_log;
pub mod sliding_window;
pub mod storage;
pub mod time;
pub mod token_bucket;
