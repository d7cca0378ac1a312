//! The grammar of rates, limits and policies.

mod error;
mod parser;
mod unit;

pub use error::{ParseError, ParseErrorKind};
pub(crate) use parser::Parser;
pub(crate) use unit::Unit;
