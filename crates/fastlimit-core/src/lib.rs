//! The core of FastLimit: rates and policies, the exact integer models, the [`Store`] trait and
//! the [`RateLimiter`].
//!
//! Most users depend on the package `fastlimit`, which re-exports this crate and its stores.
//! Authors of stores may depend on this crate alone: it knows no runtime, no network and no
//! framework.
//!
//! - What is limited: [`Rate`], [`Limit`], [`Policy`], [`Cost`].
//! - Who is limited, and what is decided: [`RateLimiter`], [`RequestBuilder`], [`Decision`];
//!   [`KeyedDigest`] for identifiers that are secrets.
//! - How state is kept: [`Store`], and all that its authors need in [`store`].
//! - What time it is: [`Clock`], [`SystemClock`], [`ManualClock`], [`Timestamp`].
//!
//! # Units
//!
//! Counts and costs are whole thousandths of a request ([`Cost`]), times whole milliseconds
//! ([`Timestamp`], [`Duration`](std::time::Duration)). No decision is made in floating point.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_lossless,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::string_slice,
        reason = "a panic in a test is a failed test"
    )
)]

mod algorithm;
mod clock;
mod cost;
mod decision;
mod entry;
mod error;
mod grammar;
mod key;
mod limit;
mod limiter;
mod limits;
mod policy;
mod rate;
#[cfg(feature = "serde")]
mod serde;
pub mod store;
mod timestamp;

pub use algorithm::Algorithm;
pub use clock::{Clock, ManualClock, SystemClock};
pub use cost::Cost;
pub use decision::{Allowed, Decision, Exceeded, LimitStatus};
pub use error::Error;
pub use grammar::{ParseError, ParseErrorKind};
pub use key::KeyedDigest;
pub use limit::{InvalidLimit, Limit};
pub use limiter::{
    All, Check, Decisions, RateLimiter, RateLimiterBuilder, Receipt, Refused, RequestBuilder,
    Reservation, Subject,
};
pub use limits::Limits;
pub use policy::{IntoLimits, Policy, PolicyError};
pub use rate::{InvalidRate, Rate};
pub use store::{Store, StoreError, StoreErrorKind};
pub use timestamp::Timestamp;
