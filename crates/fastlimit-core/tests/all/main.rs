//! Several subjects of one request: all are charged or none.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]

mod answers;
mod concurrency;
mod failures;
mod histories;
mod scripted;
